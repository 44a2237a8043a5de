/** Orders that carry one and the same WHMCS order's id: *Clone* copies custom fields (exactly-one R15). */
import { z } from 'zod';
import { SalesforceError, type FieldNames, type NamingOrder } from './contract';
import { id18, nameField, parse } from './query-answers';
import type { Rest } from './rest';
import { fieldName, literal } from './soql';

/** One tells that there are others; a few more help a person to find them. */
const most = 3;

/**
 * In one SOQL query; in a second one where the org's field is a number, which Salesforce compares with no text.
 * @param texts how the id may be spelled in the field.
 * @param except the Order that is asked for, 18 characters.
 * @throws SalesforceError: INVALID_FIELD where the field is missing or cannot be filtered by; see `Rest.read`.
 */
export async function readNaming(
  rest: Rest,
  texts: readonly string[],
  except: string,
  fields: FieldNames,
  signal?: AbortSignal,
): Promise<NamingOrder[]> {
  const numbers = [...new Set(texts.filter((text) => /^\d+$/.test(text)))];
  try {
    return await ask(texts.map(literal));
  } catch (error) {
    if (!(error instanceof SalesforceError) || error.code !== 'INVALID_FIELD') throw error;
    if (!/should not be enclosed in quotes/.test(error.message) || numbers.length === 0) throw nameField(error, fields);
    return ask(numbers);
  }

  async function ask(values: readonly string[]): Promise<NamingOrder[]> {
    const conditions = [`${fieldName(fields.whmcsOrderId)} IN (${values.join(', ')})`, `Id != ${literal(except)}`];
    const soql = `SELECT Id, OrderNumber FROM Order WHERE ${conditions.join(' AND ')} ORDER BY CreatedDate, Id LIMIT ${most}`;
    const { body } = await rest.read(`/query?q=${encodeURIComponent(soql)}`, signal);
    return parse(page, body).records.map((record) => ({ id: record.Id, number: record.OrderNumber ?? '' }));
  }
}

const page = z.object({ records: z.array(z.object({ Id: id18, OrderNumber: z.string().nullish() })) });
