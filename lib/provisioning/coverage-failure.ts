/** Why a run over the catalogue did not come to its end: the code and owner that an order would get, and what to do here. */
import { SalesforceError } from '../salesforce/contract';
import { WhmcsError } from '../whmcs/contract';
import { Failure, toFailure } from './failure';

const again = 'then check the catalogue again.';

/**
 * @param progress how far it came.
 * @returns a Failure; what is neither a vendor's nor ours as it is.
 */
export function coverageFailure(thrown: unknown, progress: { checked: number; total: number }): unknown {
  const isOurs = thrown instanceof Failure;
  if (!isOurs && !(thrown instanceof WhmcsError) && !(thrown instanceof SalesforceError)) return thrown;
  const { code, message, step, owner, retryable } = toFailure(thrown, 'mapping');
  const { checked, total } = progress;
  const where = checked > 0 ? `stopped after ${checked} of ${total} products` : 'could not begin';
  const fix = isOurs ? thrown.fix : fixOf(thrown, retryable);
  return new Failure(code, `The check of the catalogue ${where}, so there is no report. ${message}`, step, {
    cause: thrown,
    describe: { owner, retryable, fix },
  });
}

function fixOf(error: WhmcsError | SalesforceError, retryable: boolean): string {
  if (error instanceof SalesforceError) {
    if (error.kind === 'auth') return `Check the consumer key, user, private key and audience, ${again}`;
    if (error.code === 'MALFORMED_ID' || error.code === 'NOT_FOUND')
      return `Correct the id of the price book (PORTAL_PRICEBOOK_ID), or give the integration user read access to it, ${again}`;
    if (error.kind === 'query' || error.kind === 'permission')
      return `Give the integration user read access to Pricebook2, PricebookEntry, Product2 and the fields named here, ${again}`;
    return `Wait until Salesforce is well, ${again}`;
  }
  const { end } = error;
  if (end.kind === 'refused' && end.fault !== 'business') return `Correct in WHMCS what is named here, ${again}`;
  return retryable ? `Wait until WHMCS is well, ${again}` : `Look the text up in WHMCS, correct it, ${again}`;
}
