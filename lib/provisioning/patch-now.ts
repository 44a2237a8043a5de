/** A PATCH that somebody waits for, as *Activating* is: it stands in line with the order's others, and goes over what is read then. */
import { pause } from '../clock';
import type { OrderChange, SalesforceOrder, WriteEnd } from '../salesforce/contract';
import type { OrderPatches, Target } from './order-patches';
import { readRecord } from './order-record';
import type { Provisioning } from './provisioning';

export interface PatchNowParts {
  provisioning: Pick<Provisioning, 'clock' | 'store'>;
  patches: OrderPatches;
  target: Target;
}

/** How long it stands in line; whoever waits must not wait for ever. */
const lineMs = 5_000;

const busy = (message: string): WriteEnd => ({ kind: 'later', code: 'BUSY', message });

/**
 * @param changeOf of the Order as it is by then, null where Salesforce shows none; null: nothing is to be written.
 * @returns `written` where nothing was to be; `later`, code BUSY, when its turn does not come, or an earlier PATCH is open.
 * @throws SalesforceError when the Order cannot be read.
 */
export async function patchNow(
  parts: PatchNowParts,
  orderId: string,
  changeOf: (order: SalesforceOrder | null) => OrderChange | null,
): Promise<WriteEnd> {
  const turn = new AbortController();
  const leaving = new AbortController();
  const mine = parts.patches.inLine(orderId, async () => {
    if (leaving.signal.aborted) return busy('The line was left');
    turn.abort(new Error('The turn has come'));
    return write(parts, orderId, changeOf);
  });
  await pause(parts.provisioning.clock, lineMs, turn.signal).catch(() => undefined);
  if (turn.signal.aborted) return mine;
  leaving.abort(new Error('The turn did not come in time'));
  return busy('Another write to this Order is under way');
}

async function write(
  { provisioning, patches, target }: PatchNowParts,
  orderId: string,
  changeOf: (order: SalesforceOrder | null) => OrderChange | null,
): Promise<WriteEnd> {
  const { order, settled } = await patches.read(
    target,
    orderId,
    (read) => changeOf(read) !== null,
    () => true,
  );
  const change = changeOf(order);
  if (order === null || change === null) return { kind: 'written' };
  const record = readRecord((await provisioning.store.ledger.read(orderId)).state);
  if (!settled || patches.openMs(record, order, target.connection.userId) > 0)
    return busy('An earlier write to this Order may still be applied');
  const end = await patches.send(target, {
    order,
    change,
    ifUnmodified: true,
    onRecord: (now) => now,
    evenIfHeld: true,
  });
  await patches.clearMark(orderId);
  return end.kind === 'busy' || end.kind === 'overtaken' ? busy('The Order is held') : end;
}
