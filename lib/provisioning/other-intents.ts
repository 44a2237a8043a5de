/** Unsettled calls of other orders for the same WHMCS client. */
import type { Adding } from './adding';
import { failure } from './failure';
import type { HeldOrder } from './held-order';
import type { HeldResult } from './held-step';
import { readRecord } from './order-record';
import type { Row } from './orders-reading';

/** Its settling wakes the event; this is for the case that it could not. */
const otherOrderMs = 15_000;

/** What an order waits for while a call of another order of the client is unsettled. */
export const openIntentOf = ({ whmcs, clientId }: { whmcs: string; clientId: number }): string =>
  `intent:${whmcs}:${clientId}`;

/** Where WHMCS keeps no mark, one unsettled call of a client forbids the next: their rows could not be told apart (R3). */
export async function otherIntent({ order, whmcs, input, settings }: Adding, rows: Row[]): Promise<HeldResult | null> {
  const { store, orderId } = order;
  const waitsFor = order.turns.look(openIntentOf({ whmcs: whmcs.key, clientId: input.client.id }));
  for (const open of await store.openIntents.of(whmcs.key, input.client.id)) {
    if (open.orderId === orderId) {
      if (!order.record.adds.some((one) => one.id === open.intent && one.settled === null))
        await store.openIntents.close(whmcs.key, input.client.id, orderId, open.intent);
      continue;
    }
    if (settings.marker !== 'none' && keepsMark(rows)) continue;
    const state = await stateOfIntent(order, open);
    if (state === 'settled') continue;
    const text = `Order ${open.orderId} of the same WHMCS client is unsettled, and WHMCS keeps no mark`;
    if (state === 'stopped')
      throw failure(
        'WHMCS_CLIENT_BLOCKED',
        `${text}: a person must decide that one first, or a day pass`,
        'whmcs_create',
      );
    return { wait: otherOrderMs, reason: text, waitsFor };
  }
  return null;
}

async function stateOfIntent(
  { store }: HeldOrder,
  open: { orderId: string; intent: string },
): Promise<'open' | 'settled' | 'stopped'> {
  const record = readRecord((await store.ledger.read(open.orderId)).state);
  const intent = record.adds.find((one) => one.id === open.intent);
  if (!intent || intent.settled) return 'settled';
  if (!intent.stopped) return 'open';
  // Nobody may ever decide it: its Order was deleted, or is not wanted any more. What has not turned up in all its looks, a
  // day's, is as absent as anything is (R12), and what did turn up lies below the next call's watermark.
  return record.todo.includes('watch') ? 'stopped' : 'settled';
}

/** Judged by the newest order of this client that is ours: a mark that was kept once may be dropped since (R4). */
function keepsMark(rows: Row[]): boolean {
  const claimed = rows.filter((row) => row.claimedBy !== null);
  const newest = claimed.reduce<Row | undefined>(
    (top, row) => (top && top.order.id > row.order.id ? top : row),
    undefined,
  );
  return newest === undefined || newest.markers.length > 0;
}
