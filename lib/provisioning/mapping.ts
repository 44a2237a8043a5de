/** The step that maps each item of an Order to what WHMCS sells, and names all that is wrong at once. */
import { defaultFieldNames, type FieldNames } from '../salesforce/contract';
import { parseBillingCycle } from '../whmcs/billing-cycles';
import type { Catalogue } from '../whmcs/catalogue';
import type { BillingCycle, Product } from '../whmcs/contract';
import { failure, messageLimit } from './failure';
import type { ClientPart, MappedItem, MappingFault, MappingPart, OrderPart } from './message';
import type { Step } from './step';

type Fields = Pick<FieldNames, 'productId' | 'billingCycle'>;
type Item = OrderPart['items'][number];
type Sells = Pick<Catalogue, 'products' | 'takesQuantities'>;

const step = 'mapping';
/** PHP drops all fields beyond the 1,000th without a word; a line of AddOrder may have nine. */
const maxLines = 100;
/** What Salesforce's field holds; the list of faults is worth more than the words after it. */
const messageLength = messageLimit;

/**
 * Nothing is created while one item is wrong: then the way is *incomplete*, and the message carries the faults and a
 * failure that names them. An item of several units that WHMCS sells one by one becomes several lines.
 * @param fields names of the Product's fields, for messages.
 * @throws WhmcsError when WHMCS cannot be asked.
 */
export function mapping(
  catalogue: Sells,
  fields: Fields = defaultFieldNames,
): Step<'order' | 'client', 'mapping', 'mapped' | 'incomplete'> {
  return {
    name: step,
    needs: ['order', 'client'],
    adds: 'mapping',
    async run({ order, client }, { signal }) {
      const value = await mapped(order, client, { catalogue, fields, signal });
      if (value.ok) return { way: 'mapped', value, note: noteOf(value) };
      const found = failure('MAPPING_INCOMPLETE', messageOf(value, order.items.length), step).part();
      return { way: 'incomplete', value, failure: found, note: `${found.code}: ${found.message}` };
    },
  };
}

interface Mapping {
  catalogue: Sells;
  fields: Fields;
  signal: AbortSignal;
}

async function mapped(order: OrderPart, client: ClientPart, how: Mapping): Promise<MappingPart> {
  const { catalogue, signal } = how;
  const pids = order.items.flatMap((item) => pidOf(item) ?? []);
  const known = await catalogue.products(pids, signal);
  const first = order.items.map((item) => mapItem(item, client, known, how.fields));
  const doubted = first.filter((item) => item.pid !== null && item.faults.some(({ code }) => isWhmcsFault(code)));
  // What WHMCS sells may have been mended a minute ago.
  const anew =
    doubted.length === 0
      ? known
      : new Map([
          ...known,
          ...(await catalogue.products(
            doubted.flatMap((item) => item.pid ?? []),
            signal,
            { fresh: true },
          )),
        ]);
  const items = anew === known ? first : order.items.map((item) => mapItem(item, client, anew, how.fields));
  if (items.some((item) => item.faults.length > 0)) return { ok: false, items };
  const lines = await inLines(items, anew, how);
  return { ok: lines.every((item) => item.faults.length === 0), items: lines };
}

function mapItem(
  item: Item,
  client: ClientPart,
  known: ReadonlyMap<number, Product>,
  { productId, billingCycle }: Fields,
): MappedItem {
  const faults: MappingFault[] = [];
  const fault = (code: string, message: string, fix: string): void => void faults.push({ code, message, fix });
  if (!Number.isInteger(item.quantity) || item.quantity < 1) {
    fault('QUANTITY_INVALID', `quantity is ${item.quantity}`, 'Set the quantity to a whole number, 1 or more.');
  }
  const mappedItem: MappedItem = {
    orderItemId: item.id,
    productId: item.product?.productId ?? null,
    productName: item.product?.name ?? 'an item without a product',
    pid: null,
    billingCycle: null,
    quantity: item.quantity,
    price: null,
    faults,
  };
  if (item.product === null) {
    fault('PRODUCT_MISSING', 'the item has no product', 'Remove the item, or add it again from the price book.');
    return mappedItem;
  }
  const pid = pidOf(item);
  const cycle = cycleOf(item.product.billingCycle, billingCycle, fault);
  const product = pid === null ? undefined : known.get(pid);
  if (pid === null) {
    const text = item.product.productId?.trim();
    if (text)
      fault(
        'PRODUCT_ID_INVALID',
        `${productId} is '${text.slice(0, 30)}'`,
        `Set ${productId} to the WHMCS product's number.`,
      );
    else
      fault(
        'PRODUCT_ID_MISSING',
        `${productId} is empty`,
        `Set ${productId} on the Product to the WHMCS product's number.`,
      );
  } else if (!product) {
    fault('PRODUCT_UNKNOWN', `WHMCS has no product ${pid}`, `Correct ${productId}, or create the product in WHMCS.`);
  }
  const price = product && cycle ? priceOf(product, cycle, client.currency, fault) : null;
  return { ...mappedItem, pid, billingCycle: cycle, price };
}

type Tell = (code: string, message: string, fix: string) => void;

/** The WHMCS product id of an item; null when it names none. */
function pidOf(item: Item): number | null {
  const digits = /^\s*(\d{1,10})(?:\.0+)?\s*$/.exec(item.product?.productId ?? '')?.[1];
  return Number(digits ?? 0) || null;
}

function cycleOf(text: string | null, field: string, fault: Tell): BillingCycle | null {
  const parsed = parseBillingCycle(text);
  if ('cycle' in parsed) return parsed.cycle;
  const shown = (text ?? '').trim().slice(0, 30);
  switch (parsed.fault) {
    case 'empty':
      fault('CYCLE_MISSING', `${field} is empty`, `Set ${field} on the Product, to Monthly for instance.`);
      break;
    case 'ambiguous': {
      const meanings = parsed.meanings.join(' or ');
      fault('CYCLE_AMBIGUOUS', `${field} '${shown}' can mean ${meanings}`, `Set ${field} to ${meanings}.`);
      break;
    }
    case 'unsupported':
      fault(
        'CYCLE_UNSUPPORTED',
        `${field} '${shown}' is no WHMCS cycle`,
        `Set ${field} to a cycle from Monthly to Triennially, One-Time or Free.`,
      );
  }
  return null;
}

function priceOf(product: Product, cycle: BillingCycle, currency: string, fault: Tell): string | null {
  if (product.payType === 'free' && cycle === 'free') return '0.00';
  const prices = product.prices[currency];
  const price = prices?.[cycle];
  if (price !== undefined) return price;
  const offered = product.payType === 'free' ? ['free'] : Object.keys(prices ?? {});
  fault(
    'CYCLE_NOT_OFFERED',
    `WHMCS does not sell product ${product.pid} ${cycle} in ${currency || 'the client’s currency'}, but ${offered.join(', ') || 'not at all'}`,
    'Set its price for this cycle and currency in WHMCS, or correct the cycle on the Product.',
  );
  return null;
}

/** Faults that a change in WHMCS mends. */
const isWhmcsFault = (code: string): boolean => code === 'PRODUCT_UNKNOWN' || code === 'CYCLE_NOT_OFFERED';

/**
 * The lines of AddOrder. Quantities exist since 8.12, for products that are set up for them; else each unit is a line.
 */
async function inLines(
  items: readonly MappedItem[],
  known: ReadonlyMap<number, Product>,
  { catalogue, signal }: Mapping,
): Promise<MappedItem[]> {
  const several = (item: MappedItem): boolean => item.quantity > 1;
  const sellsSeveral = (item: MappedItem): boolean => (known.get(item.pid ?? 0)?.allowQuantity ?? 0) > 0;
  const asks = items.some((item) => several(item) && sellsSeveral(item));
  // null: the API role may not tell the version. That WHMCS knows the product's setting says as much.
  const takes = asks && (await catalogue.takesQuantities(signal)) !== false;
  const isOneLine = (item: MappedItem): boolean => !several(item) || (takes && sellsSeveral(item));
  const count = items.reduce((sum, item) => sum + (isOneLine(item) ? 1 : item.quantity), 0);
  if (count > maxLines)
    return items.map((item) => (isOneLine(item) && items.length <= maxLines ? item : tooMany(item, count)));
  return items.flatMap((item) =>
    isOneLine(item) ? [item] : Array.from({ length: item.quantity }, () => ({ ...item, quantity: 1 })),
  );
}

const tooMany = (item: MappedItem, count: number): MappedItem => ({
  ...item,
  faults: [
    {
      code: 'TOO_MANY_LINES',
      message: `quantity ${item.quantity}: the order would have ${count} lines in WHMCS, ${maxLines} at most`,
      fix: 'Turn on Allow Multiple Quantities for the product in WHMCS (8.12 or later), or split the Order.',
    },
  ],
});

function noteOf({ items }: MappingPart): string {
  return items
    .map((item) => `${item.quantity} × product ${item.pid} ${item.billingCycle}`)
    .join(', ')
    .slice(0, messageLength);
}

/** The faults in one text that fits Salesforce's field, with room for what to do. */
function messageOf({ items }: MappingPart, of: number): string {
  const wrong = items.filter((item) => item.faults.length > 0);
  let text = `${wrong.length} of ${of} items cannot be mapped`;
  for (const [at, item] of wrong.entries()) {
    const next = `; ${item.productName.slice(0, 40)}: ${item.faults.map((fault) => fault.message).join(', ')}`;
    if (text.length + next.length > messageLength)
      return `${text.slice(0, messageLength - 15)}; and ${wrong.length - at} more`;
    text += next;
  }
  return text;
}
