/** What a client has stored in WHMCS to pay with: whether it can pay, and whether by the gateway of its new order. */
import type { Gateway, PayMethod } from '../whmcs/contract';
import { failure, type Failure } from './failure';
import { plain } from './plain-text';

/**
 * WHMCS's own modules for payments by hand: they charge nothing, so nothing has to be stored for them. WHMCS does not tell
 * of others what kind they are.
 */
const byHand = ['banktransfer', 'mailin'];
/** Of names that others have given. */
const namesLength = 200;

const isUsable = ({ expiresAt }: PayMethod, now: number): boolean => expiresAt === null || expiresAt >= now;

/** Why the client cannot pay; null: it can. */
export function lackOf(methods: readonly PayMethod[], clientId: number, now: number): Failure | null {
  // People look for the number: the runbook calls it "409 Payment method missing".
  if (methods.length === 0)
    return failure('PAYMENT_METHOD_MISSING', `409: WHMCS client ${clientId} has no payment method`, 'validation');
  if (methods.some((method) => isUsable(method, now))) return null;
  const last = Math.max(...methods.map((method) => method.expiresAt ?? 0));
  return failure(
    'PAYMENT_METHOD_EXPIRED',
    `All payment methods of WHMCS client ${clientId} have expired, the last at the end of ${new Date(last).toISOString().slice(0, 7)}`,
    'validation',
  );
}

/** What is said of an order whose gateway is none of those that the client has stored methods of. */
export interface OtherGateways {
  text: string;
  /** Whether it is odd, or just what a gateway for payments by hand comes to. */
  odd: boolean;
}

/**
 * Whether the order's gateway can charge what the client has stored. A method that names no gateway is stored in WHMCS
 * itself, which any gateway may charge. Whether `gateway_name` is the module or its display name is not documented.
 * @returns null where one can, or where WHMCS does not tell.
 */
export function otherGateways(
  methods: readonly PayMethod[],
  gateway: Gateway,
  clientId: number,
  now: number,
): OtherGateways | null {
  const stored = methods.filter((method) => isUsable(method, now)).map((method) => method.gateway.trim());
  const own = [gateway.module, gateway.name].map(comparable);
  if (stored.length === 0 || stored.some((name) => name === '' || own.includes(comparable(name)))) return null;
  const names = plain([...new Set(stored)].join(', '), namesLength);
  if (byHand.includes(comparable(gateway.module)))
    return {
      text: `It would be paid by hand, by ${gateway.module}: what WHMCS client ${clientId} has stored (of ${names}) is not charged for it`,
      odd: false,
    };
  return {
    text:
      `WHMCS client ${clientId} pays by ${gateway.module}, and has no stored payment method of it (only of ${names}). ` +
      'WHMCS takes its orders all the same, but may not be able to charge them. Check the gateway, or ask the customer for a method of it, unless they pay its invoices themselves',
    odd: true,
  };
}

const comparable = (name: string): string => name.trim().toLowerCase();
