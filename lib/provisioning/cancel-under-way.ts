/** Whether a WHMCS order may still be cancelled by a CancelOrder that has been sent. */
import type { Whmcs } from '../whmcs/contract';
import type { HeldOrder } from './held-order';
import { quarantineMs } from './quarantine';

/**
 * A person asked for it, and its answer was lost, or WHMCS said something that does not show yet. For as long as absence in
 * WHMCS is not believed either.
 */
export const mayBeCancelled = ({ record, clock }: HeldOrder, whmcs: Whmcs, whmcsOrderId: number): boolean =>
  record.repairs.some(
    ({ call, target, settled, at }) =>
      call === 'CancelOrder' &&
      target === whmcsOrderId &&
      at > clock.now() - quarantineMs(whmcs) &&
      (settled === null || settled.how === 'unknown'),
  );
