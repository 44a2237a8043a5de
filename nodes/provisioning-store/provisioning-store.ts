import type { Node, NodeAPI } from 'node-red';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { SharedStore, type SharedStoreParts } from '../../lib/provisioning/shared-store';
import type { Log } from '../../lib/log';
import type { StateStore } from '../../lib/state/contract';
import type { RedisConnection } from '../../lib/state/redis/connection';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { connectionTest, registerAdminRoutes, type TestAnswer } from '../shared/admin-routes';
import { readCertificates } from '../shared/certificates';
import { configNode, keyOf } from '../shared/config-node';
import { instance, stores, time, whmcsOf } from '../shared/registry';
import { choice, optionalSecret, secretWhen, servers, text, type Secrets, type ValuesOf } from '../shared/settings';
import { storeStatus } from '../shared/store-status';

const settings = {
  engine: choice(['embedded', 'redis'], 'embedded'),
  directory: text(),
  sentinels: servers(26_379),
  masterName: text('mymaster'),
  tlsCa: text(),
  idMappings: choice(['none', 'embedded'], 'none'),
};

const secrets = {
  /** It holds the password. */
  redisUrl: secretWhen('engine', 'redis', 'redisUrlVar'),
  sentinelPassword: optionalSecret('sentinelPasswordVar'),
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
      const { value, release } = stores.acquire(
        key,
        () => new SharedStore(() => start(open, log), { engine, place, clock: time.clock, log }),
        (store) => store.close(),
        (store) => store.provisioning?.handouts.anyRunning ?? false,
      );
      // Somebody who deploys may just have made room for it.
      value.tryNow();
      const off = tell(node, value);
      value.ready.catch(() => stores.forget(key, value));
      return {
        value,
        release: () => {
          off();
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

/** Shows what the store lacks. */
function tell(node: Node, store: SharedStore): () => void {
  const show = (): void => {
    if (store.problem !== null) node.status(storeStatus(store.problem, store.engine));
    else if (store.warnings.length > 0) node.status({ fill: 'yellow', shape: 'ring', text: 'check Redis' });
    else node.status({});
  };
  if (store.problem !== null || store.warnings.length > 0) show();
  return store.onChange(show);
}

async function tryStore(values: Values, hidden: Hidden, signal: AbortSignal): Promise<TestAnswer> {
  if (values.engine === 'embedded')
    return { ok: true, code: 'OK', message: 'The embedded store needs no connection.', details: [] };
  const { version, holdsStore, warnings } = await redisTrial().tryRedis(connectionOf(values, hidden), signal);
  return {
    ok: true,
    code: 'OK',
    message: `Redis ${version} ${holdsStore ? 'holds a store of this pack' : 'can keep the store; none is there yet'}.`,
    details: warnings.map((text) => `⚠ ${text}`),
  };
}

/* The client of Redis is loaded only where it is used. By require: import() would stay as it is in the built package. */
/* eslint-disable @typescript-eslint/no-require-imports */
const redisEngine = (): typeof import('../../lib/state/redis/engine') =>
  require('../../lib/state/redis/engine') as typeof import('../../lib/state/redis/engine');
const redisTrial = (): typeof import('../../lib/state/redis/trial') =>
  require('../../lib/state/redis/trial') as typeof import('../../lib/state/redis/trial');
