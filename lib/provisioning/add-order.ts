/**
 * Adds a Salesforce Order in WHMCS, once: settle what is unsettled, take what is there, else write the intent and send.
 *
 * Straight-line: each durable write, each call and each send-on is one effect of what is passed in, so that a process may
 * end between any two of them and the next one goes on from the record. Why each rule is there: reference "exactly one".
 */
import type { Whmcs } from '../whmcs/contract';
import { foreseeAdding } from './add-foreseen';
import { addNow } from './add-now';
import { already, readBackPart } from './add-part';
import { isDoubtful, isUnknown, openAdd, reopenAdd, stopFailure, unknownSender } from './add-record';
import { carryOut, lookOnce, own, unread } from './add-settling';
import { askedItems, draft, named, type Adding, type AddOrderSettings } from './adding';
import { adoptedOf } from './adopted-order';
import { inTurn } from './client-lease';
import { failure } from './failure';
import { clientBusy, settlingFor, whileHeld, type HeldResult } from './held-step';
import { isNamedSince } from './named-id';
import { adoptNamed } from './named-order';
import { unsettledAdd, type AddIntent } from './order-record';
import type { Step } from './step';

export { addOrderDefaults, type AddOrderSettings } from './adding';

const step = 'whmcs_create';
const inDoubt = 'The store is new or was restored, and may have lost what was done for this order';

/** One step for all orders of a node. Settings are plain values; `whmcs` is the live connection. */
export function addOrder(settings: AddOrderSettings, whmcs: Whmcs): Step<'order' | 'client' | 'mapping', 'whmcs'> {
  return {
    name: step,
    needs: ['order', 'client', 'mapping'],
    adds: 'whmcs',
    dry: { foresee: (message, context) => foreseeAdding(settings, whmcs, message, context) },
    async run(input, context) {
      const items = askedItems(input.mapping);
      return whileHeld(context, whmcs, (settling) => add({ ...settling, settings, input, items }));
    },
  };
}

async function add(adding: Adding): Promise<HeldResult> {
  const { order, input } = adding;
  if (order.record.attemptState === 'closed') {
    throw failure('ATTEMPT_CLOSED', `Attempt ${order.record.attempt} of this order has ended`, step);
  }
  const waits = await settleFirst(adding);
  if (waits) return waits;
  if (order.record.adopted) return already(adding);
  if (input.order.whmcsOrderId && (await adoptNamed(adding, named(adding), null))) return already(adding);
  const sent = await inTurn(order, adding.whmcs.key, input.client.id, () => addNow(adding));
  if ('waitsFor' in sent) return clientBusy(sent.waitsFor);
  return sent.value ?? readBackPart(adding, adoptedOf(adding).outcome);
}

/** null: nothing is unsettled any more, go on. */
async function settleFirst(adding: Adding): Promise<HeldResult | null> {
  const { order, whmcs } = adding;
  const intent = unsettledAdd(order.record) ?? (await intentOfDoubt(adding));
  if (!intent) return null;
  if (intent.stopped && intent.stopped.attempt >= order.record.attempt) throw stopFailure(intent);
  if (intent.whmcs !== whmcs.key) return reopened(adding, intent, 'The WHMCS of the call before is another one');
  const decision = await lookOnce(adding, intent).catch(unread);
  if (decision === null) return reopened(adding, intent, 'WHMCS cannot be read');
  if (decision.do !== 'wait') {
    const out = await carryOut(adding, own(order.record, intent), decision);
    if (out.kind === 'stopped') throw out.failure;
    return settleFirst(adding);
  }
  // The stop came after the quarantine: that a person names the order since is their word.
  const isWord = intent.stopped && isNamedSince(intent, adding.input.order.whmcsOrderId);
  if (isWord && (await adoptNamed(adding, named(adding), intent))) return null;
  return reopened(adding, intent, isUnknown(intent.sender) ? inDoubt : 'It is not known yet what became of AddOrder');
}

async function reopened({ order, settings, input }: Adding, intent: AddIntent, reason: string): Promise<HeldResult> {
  const isCleared = input.order.whmcsOrderId === null;
  if (intent.stopped) await order.save((record) => reopenAdd(record, intent.id, settings.resend, isCleared));
  return settlingFor(reason);
}

/** A store that may have lost records counts as having an unsettled intent of an unknown sender, without watermark. */
async function intentOfDoubt(adding: Adding): Promise<AddIntent | undefined> {
  const { order, log } = adding;
  const doubt = await order.store.doubt();
  if (doubt === null || !isDoubtful(order.record, doubt)) return undefined;
  const drafted = draft(adding);
  // One such intent answers the doubt: where that has its time alone, not before its end, whatever the wall clock says.
  const at = Math.max(drafted.at, doubt.until);
  const intent: AddIntent = { ...drafted, at, doubt: doubt.id, sender: unknownSender, watermark: null };
  log.warn('The store may have lost what was done for this order; reading WHMCS first', {
    order: order.orderId,
    reason: doubt.reason,
  });
  await order.store.openIntents.open(intent.whmcs, intent.clientId, order.orderId, intent.id);
  await order.save((record) => openAdd(record, intent));
  return intent;
}
