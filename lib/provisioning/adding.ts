/** What the parts of the add-order protocol work with: the node's settings, the message, the order held. */
import type { BillingCycle, Whmcs } from '../whmcs/contract';
import { nextIntentId } from './add-record';
import type { Settling } from './add-settling';
import { failure } from './failure';
import type { KnownOrder } from './foresight';
import { markerIn, markerText, type MarkerStrategy } from './marker';
import type { MappingPart, Travelling } from './message';
import type { AddIntent, AskedItem } from './order-record';
import { recordedNow } from './since-doubt';

export interface AddOrderSettings {
  marker: MarkerStrategy;
  /** Whether AddOrder may be sent a second time by itself, after WHMCS has shown that the first made nothing. */
  resend: 'once' | 'never';
  /** Suppresses the order confirmation, the invoice, the invoice's mail. */
  noEmail: boolean;
  noInvoice: boolean;
  noInvoiceEmail: boolean;
  /** Absence in WHMCS is believed after this long; never less than five minutes and two write time-outs. */
  quarantineMs: number;
  /** The first byte of AddOrder leaves within this time of its intent, or not at all. */
  sendByMs: number;
}

export const addOrderDefaults: AddOrderSettings = {
  marker: 'notes',
  resend: 'once',
  noEmail: false,
  noInvoice: false,
  noInvoiceEmail: false,
  quarantineMs: 300_000,
  sendByMs: 5_000,
};

export type Asked = AskedItem & { billingCycle: BillingCycle };

export interface Adding extends Settling {
  settings: AddOrderSettings;
  input: Pick<Travelling, 'order' | 'client' | 'mapping'>;
  items: Asked[];
}

/** What there is to add, of an order that need not be held. */
export type Wanted = Pick<Adding, 'settings' | 'input' | 'items'> & { order: KnownOrder; whmcs: Pick<Whmcs, 'key'> };

/** A new intent, not yet on record; without watermark. */
export function draft({ order, whmcs, input, items, settings }: Wanted): AddIntent {
  const id = nextIntentId('a', order.record, order.facts);
  const where = markerIn(settings.marker);
  return {
    id,
    generation: order.record.generation,
    ...recordedNow(order),
    sender: order.sender,
    whmcs: whmcs.key,
    clientId: input.client.id,
    items,
    marker: where === 'none' ? '' : markerText({ orderId: order.orderId, store: order.store.id, intent: id }),
    watermark: null,
    terms: { markerIn: where, resend: settings.resend, quarantineMs: settings.quarantineMs },
    askedAgain: null,
    named: input.order.whmcsOrderId,
    newOrderAsked: false,
    settled: null,
    stopped: null,
  };
}

/** What `adoptNamed` compares the order with that Salesforce names. */
export const named = ({ input, items, settings }: Pick<Adding, 'settings' | 'input' | 'items'>) => ({
  field: input.order.whmcsOrderId ?? '',
  others: input.order.sameWhmcsOrderId ?? null,
  clientId: input.client.id,
  items,
  quarantineMs: settings.quarantineMs,
});

/** @throws Failure MAPPING_INCOMPLETE */
export function askedItems(mapping: MappingPart): Asked[] {
  if (mapping.items.length === 0)
    throw failure('MAPPING_INCOMPLETE', 'The mapping holds no items: there is nothing to add', 'whmcs_create');
  return mapping.items.map(
    ({ orderItemId, pid, billingCycle, quantity, price, productName, configOptions, priceOverride }) => {
      if (!mapping.ok || pid === null || billingCycle === null) {
        throw failure(
          'MAPPING_INCOMPLETE',
          `${productName} is not mapped to a WHMCS product and cycle`,
          'whmcs_create',
        );
      }
      const options = configOptions === undefined ? {} : { options: configOptions };
      const fed = priceOverride === undefined ? {} : { priceOverride };
      return { orderItemId, pid, billingCycle, quantity, price, ...options, ...fed };
    },
  );
}
