/** The step that finds the WHMCS client of an Order's account, and sees that an order can be made for it. */
import { defaultFieldNames } from '../salesforce/contract';
import type { Catalogue } from '../whmcs/catalogue';
import type { Client, Gateway, PayMethod, Whmcs } from '../whmcs/contract';
import { failure } from './failure';
import type { ClientPart, OrderPart } from './message';
import type { Step, StepContext } from './step';

export interface ClientCheckSettings {
  /** Gateway module for AddOrder; '' takes the client's own. */
  paymentMethod: string;
  /** Name of the Account's field, for messages. */
  accountField?: string;
}

const step = 'validation';

type Reads = Pick<Whmcs, 'getClient' | 'getPayMethods'>;
type Gateways = Pick<Catalogue, 'gateways'>;

/**
 * @throws Failure CLIENT_NOT_MAPPED, CLIENT_MAPPING_CONFLICT, CLIENT_NOT_FOUND, CLIENT_CLOSED, PAYMENT_METHOD_MISSING,
 * PAYMENT_METHOD_EXPIRED, PAYMENT_GATEWAY_UNKNOWN; WhmcsError, StoreError.
 */
export function clientCheck(
  settings: ClientCheckSettings,
  whmcs: Reads,
  catalogue: Gateways,
): Step<'order', 'client', 'next'> {
  const field = settings.accountField ?? defaultFieldNames.account;
  return {
    name: step,
    needs: ['order'],
    adds: 'client',
    async run({ order }, context) {
      const link = await linked(order, field, context);
      const [client, methods] = await clientOf(whmcs, link.id, context.signal);
      usable(methods, link.id, context.clock.now());
      const wanted = settings.paymentMethod.trim() || client.defaultGateway;
      const gateway = await gatewayOf(catalogue, wanted, context.signal);
      const value: ClientPart = {
        id: client.id,
        source: link.source,
        status: client.status,
        currency: client.currency,
        paymentMethod: gateway.module,
      };
      return { way: 'next', value, note: `WHMCS client ${client.id}, ${client.currency}, pays by ${gateway.module}` };
    },
  };
}

type Link = Pick<ClientPart, 'id' | 'source'>;

/** Which client it is: the table of ids first, then the Account's field; they must not contradict each other. */
async function linked(order: OrderPart, field: string, { desk }: StepContext): Promise<Link> {
  const { account } = order;
  if (account === null) throw failure('CLIENT_NOT_MAPPED', `Order ${order.number} has no account`, step);
  const { idMappings } = desk.store;
  // Whoever filled the table may have copied the id of 15 characters from a page of Salesforce.
  const mapping = (await idMappings.bySfAccount(account.id)) ?? (await idMappings.bySfAccount(account.id.slice(0, 15)));
  const mapped = mapping?.whmcsClientId ?? null;
  const named = clientIdIn(account.whAccount);
  if (mapped !== null && named !== null && mapped !== named) {
    throw failure(
      'CLIENT_MAPPING_CONFLICT',
      `Account ${account.name.slice(0, 60)}: id_mappings says WHMCS client ${mapped}, ${field} says ${named}`,
      step,
    );
  }
  if (mapped !== null) return { id: mapped, source: 'id_mappings' };
  if (named !== null) return { id: named, source: 'account' };
  const text = account.whAccount?.trim();
  throw failure(
    'CLIENT_NOT_MAPPED',
    text
      ? `Account ${account.name.slice(0, 60)}: ${field} reads '${text.slice(0, 60)}', which begins with no WHMCS client id`
      : `Account ${account.name.slice(0, 60)}: ${field} is empty, and id_mappings does not name it`,
    step,
  );
}

/** `#1234 - Name`, `#1234` or `1234`; null when the text names no client. */
export function clientIdIn(text: string | null): number | null {
  const digits = /^\s*#?\s*(\d{1,10})(?:\.0+)?(?:\s*[-–—:].*)?\s*$/su.exec(text ?? '')?.[1];
  const id = Number(digits ?? 0);
  return id > 0 ? id : null;
}

async function clientOf(whmcs: Reads, id: number, signal: AbortSignal): Promise<[Client, PayMethod[]]> {
  const client = await whmcs.getClient(id, signal);
  if (client === null) throw failure('CLIENT_NOT_FOUND', `WHMCS has no client ${id}`, step);
  // Inactive means no more than that nothing is live yet: WHMCS takes orders for such a client.
  if (client.status.trim().toLowerCase() === 'closed')
    throw failure('CLIENT_CLOSED', `WHMCS client ${id} is closed`, step);
  return [client, await whmcs.getPayMethods(id, signal)];
}

function usable(methods: readonly PayMethod[], clientId: number, now: number): void {
  // People look for the number: the runbook calls it "409 Payment method missing".
  if (methods.length === 0)
    throw failure('PAYMENT_METHOD_MISSING', `409: WHMCS client ${clientId} has no payment method`, step);
  if (methods.some((method) => method.expiresAt === null || method.expiresAt >= now)) return;
  const last = Math.max(...methods.map((method) => method.expiresAt ?? 0));
  throw failure(
    'PAYMENT_METHOD_EXPIRED',
    `All payment methods of WHMCS client ${clientId} have expired, the last at the end of ${new Date(last).toISOString().slice(0, 7)}`,
    step,
  );
}

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
