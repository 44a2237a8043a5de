/** What a dry run says of one order: data, and the same in a sentence or two. */
import { cut } from '../salesforce/texts';
import type { AddOrderItem } from '../whmcs/contract';
import type { ForeseenAdding, ForeseenFault } from './foresight';
import type { ClientPart, Travelling } from './message';
import { priceOf } from './order-comparison';

export interface DryRunEntry {
  /** Id of the Order; what was asked for where it is none. */
  subject: string;
  /** No fault was found. */
  ok: boolean;
  /** OrderNumber and status in Salesforce; null when it could not be read. */
  number: string | null;
  status: string | null;
  text: string;
  faults: ForeseenFault[];
  notes: string[];
  /** The WHMCS order that it has already. */
  whmcsOrderId: number | null;
  /** What would be made in WHMCS; null: nothing. */
  creates: Created | null;
  /** What AddOrder would be sent, without the credentials; null: nothing. */
  body: string | null;
  /** How to read the body. */
  bodyNote: string | null;
}

export interface Created {
  client: ClientPart;
  lines: AddOrderItem[];
  /** For one cycle, without tax and set-up fees; null where a price is not known. */
  amount: string | null;
}

const textLength = 500;

/** The number of an intent is the next free one, and only taken when AddOrder is sent. */
const bodyNote = (marker: string): string => {
  const intent = /-(a\d+)$/.exec(marker)?.[1];
  return `The credentials are left out.${intent ? ` The mark ends in ${intent} if nothing is sent before: that number is given when AddOrder is sent.` : ''}`;
};

/** @param subject id of the Order, or what was asked for. */
export function entryOf(
  subject: string,
  { order, client, mapping }: Partial<Travelling>,
  faults: ForeseenFault[],
  notes: string[],
  adding: (ForeseenAdding & { body: string | null }) | null,
): DryRunEntry {
  const request = faults.length === 0 ? (adding?.request ?? null) : null;
  const creates =
    request && client && mapping ? { client, lines: request.items, amount: priceOf(mapping.items) } : null;
  const name = order ? `Order ${order.number}` : subject;
  const marks = [request?.notes, ...(request?.items ?? []).flatMap((item) => Object.values(item.customFields ?? {}))];
  const marker = marks.find((text) => text?.includes(`sfOrderId=${subject};`)) ?? '';
  const entry = {
    subject,
    ok: faults.length === 0 && order !== undefined,
    number: order?.number ?? null,
    status: order?.status ?? null,
    faults,
    notes,
    whmcsOrderId: adding?.has ?? null,
    creates,
    body: request === null ? null : (adding?.body ?? null),
    bodyNote: request === null ? null : bodyNote(marker),
  };
  return { ...entry, text: cut(`${name}: ${textOf(entry)}`, textLength) };
}

type Textless = Omit<DryRunEntry, 'text'>;

function textOf(entry: Textless): string {
  const [first, ...others] = entry.faults;
  const more = others.length === 0 ? '' : `; and ${others.length} more`;
  if (first) return `${first.item === undefined ? '' : `item ${first.item}: `}${first.message}${more}`;
  return foreseenText(entry);
}

/** What would happen to an order without a fault. */
export const foreseenText = ({ creates, notes }: Pick<DryRunEntry, 'creates' | 'notes'>): string =>
  [...(creates ? [createdText(creates)] : []), ...notes].join('. ') || 'nothing would be added';

/** `3 × product 14 annually and 1 × product 17 onetime for WHMCS client 1001, by mailin, 697.00 USD` */
function createdText({ client, lines, amount }: Created): string {
  const items = lines.map(({ pid, billingCycle, quantity }) => `${quantity} × product ${pid} ${billingCycle}`);
  const shown = items.length > 5 ? [...items.slice(0, 5), `${items.length - 5} more lines`] : items;
  const price = amount === null ? '' : `, ${amount} ${client.currency} before tax and set-up fees`;
  return `would add ${shown.join(', ')} for WHMCS client ${client.id}, paid by ${client.paymentMethod}${price}`;
}
