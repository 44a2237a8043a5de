/** Which Orders an event of a channel is about. */
import type { ReceivedEvent } from '../salesforce/contract';
import { isChangeChannel, orderChange, type OrderChange } from '../salesforce/events/change-event';
import { orderIdOf } from '../salesforce/ids';

export interface EventFields {
  /** Name of the platform event's field that holds the Order's id. */
  orderIdField: string;
  /** Name of the Order's status field, which a change event is judged by. */
  activationStatusField: string;
}

export type EventOrders =
  /** `null`: the event names no Order, or nothing that is an Order's id. */
  { kind: 'orders'; orderIds: (string | null)[] } | Exclude<OrderChange, { kind: 'orders' }>;

/**
 * A platform event is about one Order, by its field; a change event about those that it made Activating.
 * @throws EventRefused when a change event has no readable header.
 */
export function eventOrders(event: ReceivedEvent, fields: EventFields): EventOrders {
  if (isChangeChannel(event.channel)) return orderChange(event.payload, fields.activationStatusField);
  const named = event.payload[fields.orderIdField];
  return { kind: 'orders', orderIds: [typeof named === 'string' ? orderIdOf(named) : null] };
}
