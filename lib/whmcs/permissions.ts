/** Whether the credentials may do all that an order needs: each action is asked in a way that cannot have an effect. */
import type { Clock } from '../clock';
import { WhmcsError, type CallEnd } from './contract';
import type { FormFields } from './form';
import { details, parseAnswer } from './records';
import type { Transport } from './transport';

export interface Permissions {
  /** null: this WHMCS is too old to tell (below 8.0), or may not. */
  version: string | null;
  /** Actions that the API role does not allow. */
  lacking: string[];
  /** Actions that this WHMCS does not have. */
  absent: string[];
}

/** An id that nothing has. */
const nobody = 2_147_483_647;
const sendWithinMs = 10_000;

const reads: readonly (readonly [action: string, fields: FormFields])[] = [
  ['GetClientsDetails', { clientid: nobody }],
  ['GetPayMethods', { clientid: nobody }],
  ['GetPaymentMethods', {}],
  ['GetProducts', { pid: nobody }],
  ['GetOrders', { id: nobody, limitnum: 1 }],
  ['GetClientsProducts', { serviceid: nobody, limitnum: 1 }],
];
/** Without items, and for a client and an order that are not there: refused twice over. */
const writes: readonly (readonly [action: string, fields: FormFields])[] = [
  ['AddOrder', { clientid: nobody, paymentmethod: '' }],
  ['AcceptOrder', { orderid: nobody }],
];

/**
 * One call each, one after the other; the first fault that concerns them all ends it.
 * @throws WhmcsError when WHMCS cannot be asked: its address, our address, our credentials.
 */
export async function testPermissions(transport: Transport, clock: Clock, signal?: AbortSignal): Promise<Permissions> {
  const found: Permissions = { version: null, lacking: [], absent: [] };
  const ask = async (action: string, call: () => Promise<Exclude<CallEnd<unknown>, { kind: 'success' }> | null>) => {
    const end = await call();
    if (end === null || end.kind === 'unclear' || (end.kind === 'refused' && end.fault === 'business')) return;
    if (end.kind === 'refused' && end.fault === 'role') found.lacking.push(action);
    else if (end.kind === 'refused' && end.fault === 'action') found.absent.push(action);
    else throw new WhmcsError(action, end);
  };
  await ask('WhmcsDetails', () =>
    attempt(async () => {
      found.version = parseAnswer('WhmcsDetails', details, await transport.read('WhmcsDetails', {}, signal));
    }),
  );
  for (const [action, fields] of reads) await ask(action, () => attempt(() => transport.read(action, fields, signal)));
  for (const [action, fields] of writes) {
    await ask(action, async () => {
      const options = { sendBy: clock.monotonic() + sendWithinMs, ...(signal ? { signal } : {}) };
      const end = await transport.write(action, fields, options);
      return end.kind === 'success' ? null : end;
    });
  }
  return found;
}

async function attempt(read: () => Promise<unknown>): Promise<WhmcsError['end'] | null> {
  try {
    await read();
    return null;
  } catch (error) {
    if (error instanceof WhmcsError) return error.end;
    throw error;
  }
}
