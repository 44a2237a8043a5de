/** Events and orders that the contract's tests pass around, and how the processes of the tests number them. */
import type { IncomingEvent, OrderState, Position } from '../../../lib/state/contract';

export const channel = '/event/OrderProvisionRequested__e';

/** Replay ids are eight opaque bytes; the tests count with them all the same. */
export const positionOf = (number: number, fence = 1): Position => ({
  replayId: replayIdOf(number),
  fence,
  sequence: number,
});

export function replayIdOf(number: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes.toString('base64');
}

export const numberOf = (replayId: string): number => Number(Buffer.from(replayId, 'base64').readBigUInt64BE());

/** An 18-character id of a Salesforce Order. */
export const orderOf = (number: number): string => `801${String(number).padStart(12, '0')}AAA`;

export const start = Date.UTC(2026, 0, 5, 9);

export function eventOf(number: number, change: Partial<IncomingEvent> = {}): IncomingEvent {
  return {
    channel,
    replayId: replayIdOf(number),
    eventId: `event-${number}`,
    createdAt: start + number,
    receivedAt: start + 1_000 + number,
    orderId: orderOf(number),
    delivery: 'live',
    payload: { OrderId__c: orderOf(number), Big__c: '9007199254740993', Text__c: 'Zażółć 🙂', None__c: null },
    ...change,
  };
}

export const stateWith = (todo: string[], more: Record<string, string | number> = {}): OrderState => ({
  format: 1,
  todo,
  ...more,
});
