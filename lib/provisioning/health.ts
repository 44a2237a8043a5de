/** How well each part is: what `/health` answers. No secret, no host name, and no call to a vendor. */
import { pause } from '../clock';
import type { StateStore, StoreHealth } from '../state/contract';
import type { SubscriberState } from '../salesforce/contract';
import type { Intake } from './intake';
import { markKept, type MarkKept } from './kept-marks';
import type { Provisioning } from './provisioning';

export type HealthStatus = 'ok' | 'degraded' | 'down';

export interface Health {
  status: HealthStatus;
  environment: string;
  /** The store of the pack, and PostgreSQL where id mappings are kept there. */
  database: 'ok' | 'down';
  redis: 'ok' | 'down' | 'not used';
  integrations: {
    redis: 'ok' | 'down' | 'not used';
    salesforce: {
      auth: 'never' | 'ok' | 'failed';
      /** The subscriber's phase; `standingBy` while another instance subscribes. */
      stream: string;
      lastEventAt: string | null;
      /** Seconds since the last sign of life without an event. */
      keepaliveAge: number | null;
      /** Replay id, base64; null: none is stored yet. */
      position: string | null;
      /** Seconds from publishing to receipt, of the newest event. */
      delay: number | null;
      /** In the last 24 hours, and how many the org may have, as set. */
      deliveries: { today: number; allowance: number | null };
      /** The last time that events may have been lost; their orders are found by the sweep. */
      gap: { from: string | null; until: string } | null;
    };
    whmcs: {
      /** Whether it answered the last call; null: none was made yet. */
      reachable: boolean | null;
      /** `open`: WHMCS refuses all of us, so the hand-out rests; `held` says why. */
      breaker: 'closed' | 'open';
      held: string | null;
      /** Whether it keeps our mark on its orders, as the last read-back showed; null: none was read yet. */
      mark: MarkKept | null;
      unsettled: number;
    };
  };
  queue: {
    waiting: number;
    inWork: number;
    parked: number;
    failed: number;
    dead: number;
    oldestWaitingSeconds: number | null;
    unreported: number;
  };
  /** In words, the worst first; empty when all is well. */
  problems: string[];
}

/** What is told while the store is not open. */
export type HealthWithoutStore = Pick<Health, 'status' | 'environment' | 'database' | 'redis' | 'problems'> & {
  integrations: Pick<Health['integrations'], 'redis'>;
};

/** @param problem why the store is not open, in a few words without a path or a host. */
export function healthWithoutStore(
  engine: StateStore['engine'],
  environment: string,
  problem: string,
): HealthWithoutStore {
  const redis = engine === 'redis' ? 'down' : 'not used';
  const problems = [`the store cannot be used: ${problem}`];
  return { status: 'down', environment, database: 'down', redis, integrations: { redis }, problems };
}

const listLimit = 1_000;
/** How long health waits for the table of ids. */
const tableMs = 2_000;
/** Part of the allowance of deliveries from which on it is told of. */
const nearAllowance = 0.8;

export async function health(
  provisioning: Provisioning,
  intakes: readonly Pick<Intake, 'state'>[],
  environment: string,
  /** The connections to WHMCS; none of them is called. */
  whmcses: readonly { readonly reachable: boolean | null }[] = [],
): Promise<Health> {
  const now = provisioning.clock.now();
  const { store } = provisioning;
  const storeHealth = await store.health();
  const found: { level: HealthStatus; text: string }[] = [];
  const say = (level: HealthStatus, text: string): void => void found.push({ level, text });
  if (!storeHealth.ok) say('down', `store: ${storeHealth.detail}`);
  for (const warning of storeHealth.warnings ?? []) say('degraded', `store: ${warning}`);
  const table = await tableHealth(provisioning);
  if (!table.ok) say('down', `database: id mappings cannot be read, orders wait: ${table.detail}`);
  const counts = storeHealth.ok ? await store.inbox.counts(null) : null;
  const unreported = storeHealth.ok ? (await store.ledger.withTodo('report', listLimit)).length : 0;
  const unsettled = storeHealth.ok ? (await store.ledger.withTodo('settle', listLimit)).length : 0;

  const streams = intakes.flatMap((intake) => intake.state.subscriber ?? []);
  // Of several channels the one that is worst.
  const [stream = null] = [...streams].sort((one, other) => ranks[one.phase] - ranks[other.phase]);
  const held = intakes.map((intake) => intake.state.held).find((reason) => reason !== null) ?? null;
  if (intakes.length === 0) say('down', 'no platform event node has started');
  if (intakes.some((intake) => intake.state.paused)) say('degraded', 'paused by hand');
  if (held !== null) say('degraded', held);
  for (const one of streams) streamProblem(one, say);
  const auth = provisioning.writer.target?.connection.health();
  if (auth?.auth === 'failed') say('down', `Salesforce login: ${auth.error?.code ?? 'refused'}`);
  const reachable = reachableOf(whmcses);
  if (reachable === false) say('degraded', 'WHMCS cannot be reached');
  const mark = markKept(store);
  if (mark === 'dropped')
    say('degraded', 'WHMCS does not keep our mark on its orders: where an answer is lost, a person must decide');
  if (unreported > 0) say('degraded', `results still to be told to Salesforce: ${unreported}`);
  if (unsettled > 0) say('degraded', `orders whose outcome in WHMCS is not known yet: ${unsettled}`);

  const heldByWhmcs = held !== null && held.startsWith('WHMCS') ? held : null;
  const redis = store.engine === 'redis' ? (storeHealth.ok ? 'ok' : 'down') : 'not used';
  return {
    status: found.some((one) => one.level === 'down') ? 'down' : found.length > 0 ? 'degraded' : 'ok',
    environment,
    database: storeHealth.ok && table.ok ? 'ok' : 'down',
    redis,
    integrations: {
      redis,
      salesforce: {
        auth: auth?.auth ?? 'never',
        stream: stream?.phase ?? (intakes.length > 0 ? 'standingBy' : 'stopped'),
        lastEventAt: iso(stream?.lastEventAt ?? null),
        keepaliveAge: stream?.lastKeepaliveAt == null ? null : Math.round((now - stream.lastKeepaliveAt) / 1_000),
        position: stream?.position ?? null,
        delay: stream?.delayMs == null ? null : Math.round(stream.delayMs / 1_000),
        deliveries: { today: stream?.deliveries.today ?? 0, allowance: stream?.deliveries.allowance ?? null },
        gap: stream?.gap ? { from: iso(stream.gap.from), until: new Date(stream.gap.until).toISOString() } : null,
      },
      whmcs: { reachable, breaker: heldByWhmcs === null ? 'closed' : 'open', held: heldByWhmcs, mark, unsettled },
    },
    queue: {
      waiting: counts?.waiting ?? 0,
      inWork: counts?.inWork ?? 0,
      parked: counts?.parked ?? 0,
      failed: counts?.failed ?? 0,
      dead: counts?.dead ?? 0,
      oldestWaitingSeconds: counts?.oldestWaitingAt == null ? null : Math.round((now - counts.oldestWaitingAt) / 1_000),
      unreported,
    },
    problems: found
      .sort((one, other) => Number(other.level === 'down') - Number(one.level === 'down'))
      .map((one) => one.text),
  };
}

/** The table of ids, where it is kept apart from the store; it may take its time, health does not. */
async function tableHealth({ idMappingsTable, clock }: Provisioning): Promise<Pick<StoreHealth, 'ok' | 'detail'>> {
  if (idMappingsTable === null) return { ok: true, detail: 'not used' };
  const over = new AbortController();
  const late = pause(clock, tableMs, over.signal).then(
    () => ({ ok: false, detail: 'PostgreSQL does not answer in time (ETIMEDOUT).' }),
    () => ({ ok: true, detail: 'answered' }),
  );
  const answer = await Promise.race([idMappingsTable.health(), late]);
  over.abort(new Error('answered'));
  return answer;
}

/** false: one of them is not. */
function reachableOf(whmcses: readonly { readonly reachable: boolean | null }[]): boolean | null {
  const known = whmcses.flatMap(({ reachable }) => reachable ?? []);
  return known.length === 0 ? null : known.every((reachable) => reachable);
}

function streamProblem(stream: SubscriberState, say: (level: HealthStatus, text: string) => void): void {
  switch (stream.phase) {
    case 'misconfigured':
    case 'deaf':
      return say('down', `stream: ${stream.problem?.code ?? stream.phase}`);
    case 'backingOff':
    case 'connecting':
      return say('degraded', `stream: ${stream.problem?.code ?? stream.phase}`);
    default:
  }
  const { today, allowance } = stream.deliveries;
  if (allowance !== null && today >= allowance * nearAllowance)
    say('degraded', `stream: ${today} of ${allowance} deliveries of 24 hours are used up`);
}

/** The worst first. */
const ranks: Record<SubscriberState['phase'], number> = {
  misconfigured: 0,
  deaf: 1,
  backingOff: 2,
  connecting: 3,
  stopped: 4,
  catchingUp: 5,
  standingBy: 6,
  connected: 7,
};

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
