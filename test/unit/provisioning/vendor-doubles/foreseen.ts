/** What a dry run says of an Order. */
import { foreseeAdding } from '../../../../lib/provisioning/add-foreseen';
import { addOrderDefaults } from '../../../../lib/provisioning/add-order';
import type { ForeseenFault } from '../../../../lib/provisioning/foresight';
import type { input, Process, World } from './world';

/** What _add order_ would fail with; empty: it would go on. */
export async function faultsForeseen(
  world: World,
  process: Process,
  { order, client, mapping }: ReturnType<typeof input>,
): Promise<ForeseenFault[]> {
  const orderId = order.id;
  const { facts } = await process.real.ledger.read(orderId);
  const { store, sender } = process;
  const known = { orderId, record: await process.record(), facts, store, sender, clock: world.clock };
  const context = { order: known, idMappings: null, signal: new AbortController().signal };
  const found = await foreseeAdding(addOrderDefaults, process.whmcs, { order, client, mapping }, context);
  return found?.faults ?? [];
}
