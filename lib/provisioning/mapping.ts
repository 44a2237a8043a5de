/** The step that maps each item of an Order to what WHMCS sells, and names all that is wrong at once. */
import { sameId } from '../salesforce/ids';
import { cut } from '../salesforce/texts';
import type { StateStore } from '../state/contract';
import type { Catalogue } from '../whmcs/catalogue';
import type { Product } from '../whmcs/contract';
import { isDoubtful, mayHoldOrder } from './add-record';
import { failure, messageLimit } from './failure';
import { defaultFieldMapping, itemFields, type FieldMapping } from './field-mapping';
import type { Foreseen } from './foresight';
import { Faults, isWhmcsFault } from './mapping-faults';
import { asksForQuantities, checkTogether, inLines, type Selling } from './mapping-lines';
import { longReport, shortReport, warningReport } from './mapping-report';
import type { ClientPart, FailurePart, MappedItem, MappingPart, OrderPart } from './message';
import { readRecord, type OrderRecord } from './order-record';
import { checkCurrency } from './price-currency';
import { checkProduct, pidOf } from './product-check';
import type { Step } from './step';

type Item = OrderPart['items'][number];
type Sells = Pick<Catalogue, 'products' | 'takesQuantities'>;

const step = 'mapping';
/** WHMCS counts in 32 bits. */
const mostUnits = 2_147_483_647;

/** Of one item, where nothing else is set: more is a typing error rather than an Order. */
export const usualMaxUnits = 10_000;

export interface MappingSettings {
  /** Our mark goes into a custom field of each service, as the WHMCS connection is set; false by default. */
  marked?: boolean;
  /** Most units of one item; null: as many as WHMCS counts. `usualMaxUnits` by default. */
  maxUnits?: number | null;
}

/**
 * Nothing is created while one item is wrong: then the way is *incomplete*, and the message carries the faults and a
 * failure that names them. An item of several units that WHMCS sells one by one becomes several lines.
 * @throws WhmcsError when WHMCS cannot be asked.
 */
export function mapping(
  catalogue: Sells,
  fields: FieldMapping = defaultFieldMapping,
  { marked = false, maxUnits = usualMaxUnits }: MappingSettings = {},
): Step<'order' | 'client', 'mapping', 'mapped' | 'incomplete'> {
  return {
    name: step,
    needs: ['order', 'client'],
    adds: 'mapping',
    dry: {
      async foresee({ order, client }, { order: { record, store }, signal }) {
        if (order === undefined) return null;
        const stockTaken = (): Promise<StockTaken> => stockTakenBy(record, store);
        const value = await mapped(order, client ?? null, { catalogue, fields, marked, maxUnits, signal, stockTaken });
        return foreseenOf(value, client !== undefined);
      },
    },
    async run({ order, client }, { signal, log, desk, orderId }) {
      const stockTaken = async (): Promise<StockTaken> =>
        stockTakenBy(readRecord((await desk.store.ledger.read(orderId)).state), desk.store);
      const value = await mapped(order, client, { catalogue, fields, marked, maxUnits, signal, stockTaken });
      for (const block of [...longReport(order.number, value), ...warningReport(order.number, value)]) log.warn(block);
      if (value.ok) return { way: 'mapped', value, note: noteOf(value) };
      const found = failureOf(value);
      return { way: 'incomplete', value, failure: found, note: `${found.code}: ${found.message}` };
    },
  };
}

interface Mapping {
  catalogue: Sells;
  fields: FieldMapping;
  marked: boolean;
  maxUnits: number | null;
  signal: AbortSignal;
  /** AddOrder lowers the stock itself: after it, what is left says nothing of this Order any more. */
  stockTaken: () => Promise<StockTaken>;
}

type StockTaken = Selling['stockTaken'];

async function stockTakenBy(record: OrderRecord, store: Pick<StateStore, 'doubt'>): Promise<StockTaken> {
  if (mayHoldOrder(record)) return 'yes';
  const doubt = await store.doubt();
  return doubt !== null && isDoubtful(record, doubt) ? 'unknown' : 'no';
}

/** @param client null: not known, so prices are not looked at. */
async function mapped(order: OrderPart, client: ClientPart | null, how: Mapping): Promise<MappingPart> {
  const { catalogue, fields, marked, signal } = how;
  let stockTaken: StockTaken | null = null;
  const check = async (known: ReadonlyMap<number, Product>): Promise<{ items: MappedItem[]; selling: Selling }> => {
    const items = order.items.map((item) => mapItem(item, order, client, known, how));
    // null: the API role may not tell the version. That WHMCS knows the product's setting says as much.
    const takes = asksForQuantities(items, known) && (await catalogue.takesQuantities(signal)) !== false;
    const counts = [...known.values()].some(({ stock }) => stock !== null);
    if (counts) stockTaken ??= await how.stockTaken();
    const selling = { known, takes, marked, stockTaken: stockTaken ?? ('no' as const) };
    return { items: checkTogether(items, selling, fields), selling };
  };
  const pids = order.items.flatMap((item) => pidOf(item.product?.productId) ?? []);
  const known = await catalogue.products(pids, signal);
  let checked = await check(known);
  // What WHMCS sells may have been mended a minute ago.
  const doubted = checked.items.flatMap((item) => (item.faults.some(isWhmcsFault) ? (item.pid ?? []) : []));
  if (doubted.length > 0) {
    const anew = await catalogue.products(doubted, signal, { fresh: true });
    checked = await check(new Map([...[...known].filter(([pid]) => !doubted.includes(pid)), ...anew]));
  }
  const ok = checked.items.every((item) => item.faults.length === 0);
  return { ok, items: ok ? inLines(checked.items, checked.selling) : checked.items };
}

function mapItem(
  item: Item,
  order: OrderPart,
  client: ClientPart | null,
  known: ReadonlyMap<number, Product>,
  { fields: mapping, maxUnits }: Pick<Mapping, 'fields' | 'maxUnits'>,
): MappedItem {
  const faults = new Faults(mapping);
  const { product, quantity } = item;
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > mostUnits)
    faults.tell('QUANTITY_INVALID', `quantity is ${quantity}`);
  else if (maxUnits !== null && quantity > maxUnits)
    faults.tell('QUANTITY_TOO_HIGH', `quantity is ${quantity}, more than the ${maxUnits} that mapping check allows`);
  const book = order.pricebookId ?? null;
  const used = item.pricebookId ?? null;
  if (book !== null && used !== null && !sameId(book, used))
    faults.tell('OTHER_PRICEBOOK', `the item is from price book ${used}, not from ${book}`);
  if (product === null) faults.tell('PRODUCT_MISSING', 'the item has no product');
  const sold = known.get(pidOf(product?.productId) ?? 0);
  const found = product && checkProduct(product, known, currenciesOf(client, sold), mapping, faults);
  const fields = itemFields(item, mapping, sold, faults);
  if (client !== null) checkCurrency(item, fields, mapping, client, faults);
  const listed = client?.currency === '' ? null : found?.price;
  const hasOptions = fields.configOptions !== undefined || (sold?.configOptions ?? []).length > 0;
  return {
    orderItemId: item.id,
    productId: product?.productId ?? null,
    productName: product?.name ?? 'an item without a product',
    pid: found?.pid ?? null,
    billingCycle: found?.billingCycle ?? null,
    quantity,
    // What options cost is not known beforehand, be they chosen here or by WHMCS.
    price: hasOptions ? null : (fields.priceOverride ?? listed ?? null),
    ...fields,
    faults: faults.faults,
    ...(faults.warnings.length > 0 ? { warnings: faults.warnings } : {}),
  };
}

/** In which it must have a price; none: prices are not looked at. Of a client without a currency: in all that it is listed in. */
function currenciesOf(client: ClientPart | null, sold: Product | undefined): string[] {
  if (client === null) return [];
  const listed = Object.keys(sold?.prices ?? {});
  return client.currency === '' && listed.length > 0 ? listed : [client.currency];
}

/** All faults and warnings of a mapping, each with its item. */
function foreseenOf(value: MappingPart, clientKnown: boolean): Foreseen<MappingPart> {
  const itemOf = ({ productName }: MappedItem, at: number): string => `${at + 1} ${cut(productName, 80)}`;
  const notes = value.items.flatMap((item, at) =>
    (item.warnings ?? []).map(({ message, fix }) => `${itemOf(item, at)}: ${message}. ${fix}`),
  );
  return {
    value,
    faults: value.items.flatMap((item, at) => item.faults.map((fault) => ({ ...fault, step, item: itemOf(item, at) }))),
    notes: clientKnown ? notes : ['Prices were not looked at, since the WHMCS client is not known', ...notes],
  };
}

/** Whose it is: the one owner of all faults, where there is one. */
function failureOf(value: MappingPart): FailurePart {
  const found = failure('MAPPING_INCOMPLETE', shortReport(value), step).part();
  const [owner, ...others] = new Set(value.items.flatMap((item) => item.faults.map((fault) => fault.owner)));
  return owner !== undefined && others.length === 0 ? { ...found, owner } : found;
}

function noteOf({ items }: MappingPart): string {
  return items
    .map((item) => `${item.quantity} × product ${item.pid} ${item.billingCycle}`)
    .join(', ')
    .slice(0, messageLimit);
}
