/** Ours: each product checked, and the report made. */
import { runCoverage } from '../../lib/provisioning/coverage';
import { defaultFieldMapping as fields } from '../../lib/provisioning/field-mapping';
import { contend } from './contestant';

contend(async ({ parts, pricebookId }) => {
  const { totals } = await runCoverage({ ...parts, fields }, { pricebookId });
  return { products: totals.products, longestAnswerKb: null };
});
