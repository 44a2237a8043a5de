import '../shared/needed-node';
import type { Node, NodeAPI } from 'node-red';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { SharedStore, type SharedStoreParts } from '../../lib/provisioning/shared-store';
import type { Log } from '../../lib/log';
import { StoreError, type IdMappingsTable, type StateStore } from '../../lib/state/contract';
import { shippedTable, type DescribedTable } from '../../lib/state/postgres/described-table';
import type { RedisConnection } from '../../lib/state/redis/client-options';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { connectionTest, registerAdminRoutes, type TestAnswer } from '../shared/admin-routes';
import { readCertificates } from '../shared/certificates';
import { configNode, keyOf } from '../shared/config-node';
import { idMappingsTables, instance, stepsRun, stores, time, whmcsOf } from '../shared/registry';
import { choice, optionalSecret, secretWhen, servers, text, type Secrets, type ValuesOf } from '../shared/settings';
import { storeStatus, tableStatus } from '../shared/store-status';

const settings = {
  engine: choice(['embedded', 'redis'], 'embedded'),
  directory: text(),
  sentinels: servers(26_379),
  masterName: text('mymaster'),
  tlsCa: text(),
  idMappings: choice(['automatic', 'none', 'embedded', 'postgres'], 'automatic'),
  mappingTable: text(shippedTable.table),
  accountColumn: text(shippedTable.accountColumn),
  clientColumn: text(shippedTable.clientColumn),
  portalColumn: text(),
};

const secrets = {
  /** It holds the password. */
  redisUrl: secretWhen('engine', 'redis', 'redisUrlVar'),
  sentinelPassword: optionalSecret('sentinelPasswordVar'),
  /** It holds the password. */
  databaseUrl: secretWhen('idMappings', 'postgres', 'databaseUrlVar', 'automatic'),
};

type Values = ValuesOf<typeof settings>;
type Hidden = Secrets<typeof secrets>;

export = (RED: NodeAPI): void => {
  registerAdminRoutes(RED, { testStore: connectionTest(settings, secrets, tryStore) });
  configNode(RED, 'provisioning-store', {
    settings,
    secrets,
    open(values, hidden, log, node) {
      const { key, engine, place, open } = placeOf(values, hidden, String(RED.settings.userDir ?? process.cwd()));
      const mappings = idMappingsOf(values, hidden);
      const { value, release } = stores.acquire(
        key,
        () => new SharedStore(() => start(open, log), { engine, place, clock: time.clock, log }),
        (store) => store.close(),
        (store) => store.provisioning?.handouts.anyRunning ?? false,
      );
      value.useIdMappings(mappings?.value ?? (values.idMappings === 'none' ? null : 'store'));
      // Somebody who deploys may just have made room for it.
      value.tryNow();
      const off = tell(node, value, mappings?.value ?? null, log);
      value.ready.catch(() => stores.forget(key, value));
      return {
        value,
        release: () => {
          off();
          mappings?.release();
          release();
        },
      };
    },
  });
};

interface Place extends Pick<SharedStoreParts, 'engine' | 'place'> {
  /** Nodes with the same share the store. */
  key: string;
  open(): Promise<StateStore>;
}

function placeOf(values: Values, hidden: Hidden, userDir: string): Place {
  const { clock } = time;
  if (values.engine === 'redis') {
    const connection = connectionOf(values, hidden);
    return {
      key: keyOf('redis', connection),
      engine: 'redis',
      place: 'Redis',
      open: () => redisEngine().openRedisStore({ connection, clock, instance }),
    };
  }
  const directory = values.directory ?? userDir;
  return {
    key: directory,
    engine: 'embedded',
    place: directory,
    open: () => openEmbeddedStore({ directory, clock, instance }),
  };
}

function connectionOf(values: Values, hidden: Hidden): RedisConnection {
  const ca = readCertificates(values.tlsCa);
  const { sentinelPassword } = hidden;
  return {
    url: hidden.redisUrl ?? '',
    ...(values.sentinels === null ? {} : { sentinels: values.sentinels.map(serverOf), masterName: values.masterName }),
    ...(sentinelPassword === null ? {} : { sentinelPassword }),
    ...(ca === undefined ? {} : { ca }),
  };
}

function serverOf(hostAndPort: string): { host: string; port: number } {
  const colon = hostAndPort.lastIndexOf(':');
  return { host: hostAndPort.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(hostAndPort.slice(colon + 1)) };
}

async function start(open: () => Promise<StateStore>, log: Log): Promise<Provisioning> {
  const store = await open();
  const provisioning = new Provisioning({ store, sender: thisProcess(instance), clock: time.clock, log, whmcsOf });
  await provisioning.start();
  return provisioning;
}

/**
 * The table of ids in PostgreSQL; null: none is wanted.
 * @throws Error for an address or a name that is none.
 */
function idMappingsOf(values: Values, { databaseUrl }: Hidden): { value: IdMappingsTable; release(): void } | null {
  if (databaseUrl === null) return null;
  const table = tableOf(values);
  return idMappingsTables.acquire(
    keyOf(databaseUrl, table),
    () => postgres().openPostgresIdMappings({ url: databaseUrl, table, clock: time.clock }),
    (mappings) => mappings.close(),
    stepsRun,
  );
}

const tableOf = ({ mappingTable: table, accountColumn, clientColumn, portalColumn }: Values): DescribedTable => ({
  table,
  accountColumn,
  clientColumn,
  portalColumn,
});

/** Shows what the store lacks, or its table of ids. */
function tell(node: Node, store: SharedStore, mappings: IdMappingsTable | null, log: Log): () => void {
  const show = (): void => {
    const fault = mappings?.problem ?? null;
    if (store.problem !== null) node.status(storeStatus(store.problem, store.engine));
    else if (fault !== null) node.status(tableStatus(fault));
    else if (store.warnings.length > 0) node.status({ fill: 'yellow', shape: 'ring', text: 'check Redis' });
    else node.status({});
  };
  if (store.problem !== null || store.warnings.length > 0) show();
  const offs = [store.onChange(show)];
  if (mappings) {
    const say = (): void => {
      const { problem } = mappings;
      if (problem === null) log.info('Id mappings can be read again');
      else log.error(`ID_MAPPINGS_UNAVAILABLE: ${problem} Orders wait for it, half an hour at most.`);
      show();
    };
    offs.push(mappings.onProblem(say));
    void mappings.health();
  }
  return () => {
    for (const off of offs) off();
  };
}

async function tryStore(values: Values, hidden: Hidden, signal: AbortSignal): Promise<TestAnswer> {
  const ids = await tryIdMappings(values, hidden);
  if (values.engine === 'embedded')
    return { ...ids, message: ids.ok ? 'The embedded store needs no connection.' : ids.message };
  try {
    const { version, holdsStore, warnings } = await redisTrial().tryRedis(connectionOf(values, hidden), signal);
    if (!ids.ok) return ids;
    return {
      ok: true,
      code: 'OK',
      message: `Redis ${version} ${holdsStore ? 'holds a store of this pack' : 'can keep the store; none is there yet'}.`,
      details: [...warnings.map((text) => `⚠ ${text}`), ...ids.details],
    };
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return { ok: false, code: 'STORE_UNAVAILABLE', message: error.message, details: [] };
  }
}

async function tryIdMappings(values: Values, { databaseUrl }: Hidden): Promise<TestAnswer> {
  if (databaseUrl === null) return { ok: true, code: 'OK', message: 'Id mappings need no connection.', details: [] };
  const table = tableOf(values);
  const mappings = postgres().openPostgresIdMappings({ url: databaseUrl, table, clock: time.clock });
  try {
    const { ok, detail } = await mappings.health();
    if (!ok) return { ok, code: 'ID_MAPPINGS_UNAVAILABLE', message: detail, details: [] };
    return { ok, code: 'OK', message: detail, details: [`✓ PostgreSQL: ${table.table} can be read`] };
  } finally {
    await mappings.close();
  }
}

/* The clients of Redis and PostgreSQL are loaded only where they are used. By require: import() would stay as it is in the built package. */
/* eslint-disable @typescript-eslint/no-require-imports */
const redisEngine = (): typeof import('../../lib/state/redis/engine') =>
  require('../../lib/state/redis/engine') as typeof import('../../lib/state/redis/engine');
const postgres = (): typeof import('../../lib/state/postgres/id-mappings') =>
  require('../../lib/state/postgres/id-mappings') as typeof import('../../lib/state/postgres/id-mappings');
const redisTrial = (): typeof import('../../lib/state/redis/trial') =>
  require('../../lib/state/redis/trial') as typeof import('../../lib/state/redis/trial');
