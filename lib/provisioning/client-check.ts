/** The step that finds the WHMCS client of an Order's account, and sees that an order can be made for it. */
import type { Catalogue } from '../whmcs/catalogue';
import type { Client, Gateway, Whmcs } from '../whmcs/contract';
import { clientLink, refuseOtherAccount, type Account, type Link } from './client-link';
import { Failure, failure } from './failure';
import { faultOf } from './foresight';
import { LongWaits, type LongWait } from './long-waits';
import type { ClientPart, OrderPart } from './message';
import type { Step } from './step';
import { lackOf, otherGateways, type OtherGateways } from './stored-methods';

export interface ClientCheckSettings {
  /** Gateway module for AddOrder; '' takes the client's own. */
  paymentMethod: string;
  /** The client's own gateway comes first, where it has one. */
  preferClientGateway?: boolean;
  /** Id of the WHMCS client custom field that holds the id of the Salesforce account; null: none does. */
  customFieldId?: number | null;
  /** How long an order waits for a usable payment method, ms; null: it fails at once. */
  holdMs?: number | null;
}

const step = 'validation';
const minute = 60_000;
/** Beyond it the database is not just being restarted, and somebody must be told by the Order too. */
const databaseWait: LongWait = { what: 'id mappings', limitMs: 30 * minute, pausesMs: [15_000, 30_000, minute] };
/** For a dry run, which asks once. */
const databaseFix = `Mend what is named here. Orders wait for it, ${databaseWait.limitMs / minute} minutes at most, before they fail.`;
const paymentWait = {
  what: 'payment method',
  pausesMs: [1, 2, 5, 10, 15, 30].map((minutes) => minutes * minute),
};

type Reads = Pick<Whmcs, 'getClient' | 'getPayMethods'>;
type Gateways = Pick<Catalogue, 'gateways'>;

/**
 * @throws Failure CLIENT_NOT_MAPPED, CLIENT_MAPPING_CONFLICT, CLIENT_NOT_FOUND, CLIENT_CLOSED, PAYMENT_METHOD_MISSING,
 * PAYMENT_METHOD_EXPIRED, PAYMENT_GATEWAY_UNKNOWN, ID_MAPPINGS_UNAVAILABLE; WhmcsError, StoreError.
 */
export function clientCheck(
  settings: ClientCheckSettings,
  whmcs: Reads,
  catalogue: Gateways,
): Step<'order', 'client', 'next'> {
  const { customFieldId = null, holdMs = null, preferClientGateway = false } = settings;
  const configured = settings.paymentMethod.trim();
  const linked = async (link: Link, account: Account, signal: AbortSignal): Promise<Client> => {
    const client = await clientOf(whmcs, link, signal);
    if (customFieldId !== null) refuseOtherAccount(client, customFieldId, account, link);
    return client;
  };
  const payingBy = (client: Client, signal: AbortSignal): Promise<Gateway> => {
    const own = client.defaultGateway.trim();
    return gatewayOf(catalogue, preferClientGateway ? own || configured : configured || own, signal);
  };
  return {
    name: step,
    needs: ['order'],
    adds: 'client',
    dry: {
      async foresee({ order }, { order: { clock }, idMappings, signal }) {
        if (order === undefined) return null;
        const account = accountOf(order);
        const link = await orFailure(clientLink(account, idMappings), ['ID_MAPPINGS_UNAVAILABLE']);
        if (link instanceof Failure) return { faults: [{ ...faultOf(link), fix: databaseFix }], notes: [] };
        const client = await linked(link, account, signal);
        const methods = await whmcs.getPayMethods(link.id, signal);
        const lack = lackOf(methods, link.id, clock.now());
        const gateway = await orFailure(payingBy(client, signal), ['PAYMENT_GATEWAY_UNKNOWN']);
        const faults = [closedOf(client), lack, gateway].filter((one) => one instanceof Failure).map(faultOf);
        const held = `Without a usable payment method it would wait, ${hoursOf(holdMs ?? 0)} at most, before it fails`;
        const other = gateway instanceof Failure ? null : otherGateways(methods, gateway, link.id, clock.now());
        const warnings = warningsOf(client, other);
        return {
          value: partOf(client, link, gateway instanceof Failure ? '' : gateway.module, warnings),
          faults,
          notes: [
            ...warnings,
            ...(other === null || other.odd ? [] : [other.text]),
            ...(lack !== null && holdMs !== null ? [held] : []),
          ],
        };
      },
    },
    async run({ order }, context) {
      const account = accountOf(order);
      const waits = await LongWaits.of(context);
      const link = await orFailure(clientLink(account, context.desk.idMappings), ['ID_MAPPINGS_UNAVAILABLE']);
      if (link instanceof Failure) return waits.park(link, databaseWait, (until) => meanwhile(link, until));
      await waits.over(databaseWait);
      const client = await linked(link, account, context.signal);
      const closed = closedOf(client);
      if (closed !== null) throw closed;
      const methods = await whmcs.getPayMethods(link.id, context.signal);
      const lack = lackOf(methods, link.id, context.clock.now());
      if (lack !== null && holdMs !== null)
        return waits.park(lack, { ...paymentWait, limitMs: holdMs }, (until) => meanwhile(lack, until));
      if (lack !== null) throw lack;
      await waits.over(paymentWait);
      const gateway = await payingBy(client, context.signal);
      const other = otherGateways(methods, gateway, link.id, context.clock.now());
      const warnings = warningsOf(client, other);
      const value = partOf(client, link, gateway.module, warnings);
      for (const warning of warnings) context.log.warn(warning, { order: context.orderId });
      const status = isOdd(client) ? ` (${client.status})` : '';
      const stored = other?.odd ? ', has nothing stored of it' : '';
      const note = `WHMCS client ${client.id}${status}, ${client.currency}, pays by ${gateway.module}${stored}`;
      return { way: 'next', value, ...(value.warning === undefined ? {} : { warning: value.warning }), note };
    },
  };
}

function accountOf({ account, number }: OrderPart): Account {
  if (account === null) throw failure('CLIENT_NOT_MAPPED', `Order ${number} has no account`, step);
  return account;
}

const partOf = (
  { id, status, currency }: Client,
  { source }: Link,
  paymentMethod: string,
  warnings: readonly string[],
): ClientPart => ({
  id,
  source,
  status,
  currency,
  paymentMethod,
  ...(warnings.length === 0 ? {} : { warning: warnings.join('. ') }),
});

const hoursOf = (ms: number): string => `${Math.round(ms / 3_600_000)} h`;

/** What it found, or the failure of one of these codes. */
async function orFailure<T>(work: Promise<T>, codes: readonly string[]): Promise<T | Failure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Failure && codes.includes(error.code)) return error;
    throw error;
  }
}

const insteadOfRetry: Record<string, string> = {
  PAYMENT_METHOD_MISSING: 'Ask the customer to add a payment method in WHMCS.',
  PAYMENT_METHOD_EXPIRED: 'Ask the customer for a new payment method in WHMCS.',
};

/** The same, as the Order shows it while it waits: nobody has to press anything. */
function meanwhile({ code, message, owner, retryable, fix }: Failure, until: string): Failure {
  const described = { owner, retryable, fix: insteadOfRetry[code] ?? fix };
  const sentence = message.replace(/\.$/, '');
  return new Failure(code, `${sentence}; looked at again by itself until ${until}`, step, { describe: described });
}

async function clientOf(whmcs: Reads, { id }: Link, signal: AbortSignal): Promise<Client> {
  const client = await whmcs.getClient(id, signal);
  if (client === null) throw failure('CLIENT_NOT_FOUND', `WHMCS has no client ${id}`, step);
  return client;
}

const closedOf = (client: Client): Failure | null =>
  isOf(client, 'closed') ? failure('CLIENT_CLOSED', `WHMCS client ${client.id} is closed`, step) : null;

const isOf = ({ status }: Client, word: string): boolean => status.trim().toLowerCase() === word;

/** What keeps nothing back, and is for a person to look at. */
const warningsOf = (client: Client, other: OtherGateways | null): string[] => [
  ...(isOdd(client)
    ? [
        `WHMCS client ${client.id} is ${client.status.trim()}: WHMCS takes its orders all the same. Check that it is the right client`,
      ]
    : []),
  ...(other?.odd ? [other.text] : []),
];

/**
 * Inactive means no more than that nothing is live: WHMCS takes orders for such a client. It may also be one that was given
 * up for another.
 */
const isOdd = (client: Client): boolean => !['active', 'closed', ''].some((word) => isOf(client, word));

/** The gateway as WHMCS spells it. The list is read anew before one is called unknown. */
async function gatewayOf(catalogue: Gateways, wanted: string, signal: AbortSignal): Promise<Gateway> {
  const among = (gateways: readonly Gateway[]): Gateway | undefined =>
    gateways.find((gateway) => gateway.module.toLowerCase() === wanted.toLowerCase());
  const known = among(await catalogue.gateways(signal));
  if (known) return known;
  const gateways = await catalogue.gateways(signal, { fresh: true });
  const found = among(gateways);
  if (found) return found;
  const valid = gateways.map((gateway) => gateway.module).join(', ');
  throw failure(
    'PAYMENT_GATEWAY_UNKNOWN',
    `${wanted ? `WHMCS has no active gateway '${wanted}'` : 'No gateway is set, and the client has none'}; it has ${valid || 'none'}`,
    step,
  );
}
