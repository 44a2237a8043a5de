/** One Order with its items, account and products, in one SOQL. */
import { z } from 'zod';
import { toWrite, type AbsentFields } from './absent-fields';
import { SalesforceError, type FieldNames, type SalesforceOrder, type SalesforceOrderItem } from './contract';
import { currencyField, furtherColumns, furtherValue, isCurrency } from './further-fields';
import { orderIdOf } from './ids';
import { dateTime, id18, namedColumn, nameField, parse, timeOf, wordOf } from './query-answers';
import type { Read, Rest } from './rest';
import { fieldName, literal } from './soql';

/** More pages than any order has; an answer that names its own page again must end. */
const mostPages = 50;

/**
 * Reads an order. Optional fields that the org lacks are left out, learnt from its answer; so is the currency, which only
 * orgs of several currencies tell.
 * @param idText 15 or 18 characters.
 * @returns null: no such order, or not visible to our user.
 * @throws SalesforceError: MALFORMED_ID when it is no Order's id; INVALID_FIELD naming a needed field; see `Rest.read`.
 */
export async function readOrder(
  rest: Rest,
  absent: AbsentFields,
  idText: string,
  fields: FieldNames,
  signal?: AbortSignal,
): Promise<SalesforceOrder | null> {
  const id = orderIdOf(idText);
  if (id === null) throw new SalesforceError('MALFORMED_ID', 'The text is no id of an Order', 'query');
  for (;;) {
    const attempt = absent.present('Order', fields.attempt);
    const resultAttempt = absent.present('Order', fields.resultAttempt);
    const currency = absent.present('Order', currencyField);
    try {
      const soql = orderQuery(id, currency === null ? withoutCurrency(fields) : fields, { attempt, resultAttempt });
      const read = await rest.read(`/query?q=${encodeURIComponent(soql)}`, signal);
      const page = parse(orderPage, read.body);
      const order = page.records[0];
      if (order === undefined) return null;
      const items = await restOfItems(rest, order, fields, signal);
      const mayFence = absent.present(toWrite, resultAttempt) !== null;
      return orderOf(order, items, read, fields, { attempt, mayFence });
    } catch (error) {
      if (!(error instanceof SalesforceError) || error.code !== 'INVALID_FIELD') throw error;
      const named = namedColumn(error.message);
      if (named === null || !absent.learn('Order', [named], [attempt, resultAttempt, currency]))
        throw nameField(error, fields);
    }
  }
}

/**
 * Whether Salesforce says that an order was deleted (it can be restored for 15 days). Of one that is hidden from our user, or
 * whose deletion it no longer knows of, it says NOT_FOUND.
 * @throws SalesforceError see `Rest.read`.
 */
export async function isDeleted(rest: Rest, idText: string, signal?: AbortSignal): Promise<boolean> {
  const id = orderIdOf(idText);
  if (id === null) return false;
  try {
    await rest.read(`/sobjects/Order/${id}?fields=Id`, signal);
    return false;
  } catch (error) {
    if (!(error instanceof SalesforceError) || !['query', 'permission'].includes(error.kind)) throw error;
    return error.code === 'ENTITY_IS_DELETED';
  }
}

const withoutCurrency = (fields: FieldNames): FieldNames => ({
  ...fields,
  further: fields.further?.filter((path) => !isCurrency(path)) ?? [],
});

/** Both attempt fields are asked for: only together do they keep a late result out. */
function orderQuery(
  id: string,
  fields: FieldNames,
  { attempt, resultAttempt }: Pick<FieldNames, 'attempt' | 'resultAttempt'>,
): string {
  const further = furtherColumns([fields.productId, fields.billingCycle, ...(fields.further ?? [])]);
  const product = ['Product2.Name', 'Product2.ProductCode', 'Product2.IsActive'];
  const items = ['Id', 'Quantity', 'UnitPrice', 'PricebookEntryId', 'Product2Id', ...product, ...further.items];
  const order = [
    ...['Id', 'OrderNumber', 'Pricebook2Id', 'TotalAmount', 'AccountId'],
    ...['CreatedDate', 'LastModifiedDate', 'LastModifiedById'],
    ...['Account.Name', `Account.${fieldName(fields.account)}`],
    ...[fields.activationStatus, fields.whmcsOrderId, attempt, resultAttempt]
      .filter((name) => name !== null)
      .map(fieldName),
    ...further.order,
    `(SELECT ${unique(items).join(', ')} FROM OrderItems ORDER BY Id)`,
  ];
  return `SELECT ${unique(order).join(', ')} FROM Order WHERE Id = ${literal(id)} LIMIT 1`;
}

/** A field that stands twice in a query, in whatever case of letters, is refused. */
const unique = (names: string[]): string[] => {
  const lower = names.map((name) => name.toLowerCase());
  return names.filter((_, at) => lower.indexOf(lower[at] ?? '') === at);
};

// ------------------------------------------------------------ what comes back

const optionalId = id18.nullish().transform((id) => id ?? null);
const optionalText = z.string().nullish();

// Loose: the fields whose names are settings come besides.
const itemPage = z.object({
  done: z.boolean().default(true),
  nextRecordsUrl: z.string().optional(),
  records: z.array(
    z
      .object({
        Id: id18,
        Quantity: z.number(),
        UnitPrice: z.number().nullish(),
        PricebookEntryId: optionalId,
        Product2Id: optionalId,
        Product2: z
          .object({ Name: optionalText, ProductCode: optionalText, IsActive: z.boolean().nullish() })
          .loose()
          .nullish(),
      })
      .loose(),
  ),
});

const orderPage = z.object({
  records: z.array(
    z
      .object({
        Id: id18,
        OrderNumber: optionalText,
        Pricebook2Id: optionalId,
        TotalAmount: z.number().nullish(),
        CreatedDate: dateTime,
        LastModifiedDate: dateTime,
        LastModifiedById: id18,
        AccountId: optionalId,
        Account: z.object({ Name: optionalText }).loose().nullish(),
        // No children: null, not an empty list.
        OrderItems: itemPage.nullish(),
      })
      .loose(),
  ),
});

type ItemPage = z.infer<typeof itemPage>;
type OrderRecord = z.infer<typeof orderPage>['records'][number];

/** Items come 2000 a page; the pages after the first have their own addresses. */
async function restOfItems(
  rest: Rest,
  order: OrderRecord,
  fields: FieldNames,
  signal?: AbortSignal,
): Promise<SalesforceOrderItem[]> {
  let page = order.OrderItems;
  const items = (page?.records ?? []).map((item) => itemOf(item, order, fields));
  for (let pages = 1; page && !page.done; pages++) {
    const { nextRecordsUrl } = page;
    if (nextRecordsUrl === undefined || !nextRecordsUrl.startsWith('/services/') || pages === mostPages)
      throw new SalesforceError('UNEXPECTED_ANSWER', 'The items of the order could not be read to their end', 'query');
    page = parse(itemPage, (await rest.read(nextRecordsUrl, signal)).body);
    items.push(...page.records.map((item) => itemOf(item, order, fields)));
  }
  return items;
}

function itemOf(item: ItemPage['records'][number], order: OrderRecord, fields: FieldNames): SalesforceOrderItem {
  const { Product2: product, Product2Id: productId } = item;
  const { further } = fields;
  return {
    id: item.Id,
    quantity: item.Quantity,
    unitPrice: item.UnitPrice ?? null,
    pricebookEntryId: item.PricebookEntryId,
    product:
      !product || productId === null
        ? null
        : {
            id: productId,
            name: product.Name ?? '',
            code: product.ProductCode ?? null,
            productId: wordOf(furtherValue(fields.productId, item, order)),
            billingCycle: wordOf(furtherValue(fields.billingCycle, item, order)),
            ...(typeof product.IsActive === 'boolean' ? { isActive: product.IsActive } : {}),
          },
    ...(further === undefined
      ? {}
      : { further: Object.fromEntries(further.map((path) => [path, wordOf(furtherValue(path, item, order))])) }),
  };
}

function orderOf(
  order: OrderRecord,
  items: SalesforceOrderItem[],
  { token, headers }: Read,
  fields: FieldNames,
  { attempt, mayFence }: { attempt: string | null; mayFence: boolean },
): SalesforceOrder {
  const attempted = Number((attempt !== null && wordOf(order[attempt])) || NaN);
  const isCounted = Number.isFinite(attempted);
  return {
    id: order.Id,
    number: order.OrderNumber ?? '',
    url: `${token.instanceUrl}/${order.Id}`,
    activationStatus: wordOf(furtherValue(`Order.${fields.activationStatus}`, {}, order)) ?? '',
    whmcsOrderId: wordOf(furtherValue(`Order.${fields.whmcsOrderId}`, {}, order)),
    attempt: isCounted ? attempted : null,
    pricebookId: order.Pricebook2Id,
    totalAmount: order.TotalAmount ?? null,
    createdAt: Date.parse(order.CreatedDate),
    lastModifiedAt: Date.parse(order.LastModifiedDate),
    lastModifiedById: order.LastModifiedById,
    serverNow: timeOf(headers['date']),
    fence: isCounted && mayFence ? 'attempt' : 'lastModified',
    account:
      !order.Account || order.AccountId === null
        ? null
        : {
            id: order.AccountId,
            name: order.Account.Name ?? '',
            whAccount: wordOf(furtherValue(`Account.${fields.account}`, {}, order)),
          },
    items,
  };
}
