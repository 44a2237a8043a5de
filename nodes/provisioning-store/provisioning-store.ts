import type { Node, NodeAPI } from 'node-red';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { SharedStore } from '../../lib/provisioning/shared-store';
import type { Log } from '../../lib/log';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { configNode } from '../shared/config-node';
import { instance, stores, time, whmcsOf } from '../shared/registry';
import { choice, text } from '../shared/settings';
import { storeStatus } from '../shared/store-status';

export = (RED: NodeAPI): void =>
  configNode(RED, 'provisioning-store', {
    settings: {
      engine: choice(['embedded', 'redis'], 'embedded'),
      directory: text(),
      idMappings: choice(['none', 'embedded'], 'none'),
    },
    secrets: {},
    open({ engine, directory }, _secrets, log, node) {
      if (engine === 'redis')
        throw new Error('engine: this version has the embedded store only; set PROVISIONING_STORE to embedded.');
      const place = directory ?? String(RED.settings.userDir ?? process.cwd());
      const { value, release } = stores.acquire(
        place,
        () => new SharedStore(() => openStore(place, log), { place, clock: time.clock, log }),
        (store) => store.close(),
        (store) => store.provisioning?.handouts.anyRunning ?? false,
      );
      // Somebody who deploys may just have made room for it.
      value.tryNow();
      const off = tell(node, value);
      value.ready.catch(() => stores.forget(place, value));
      return {
        value,
        release: () => {
          off();
          release();
        },
      };
    },
  });

async function openStore(place: string, log: Log): Promise<Provisioning> {
  const { clock } = time;
  const store = await openEmbeddedStore({ directory: place, clock, instance });
  const provisioning = new Provisioning({ store, sender: thisProcess(instance), clock, log, whmcsOf });
  await provisioning.start();
  return provisioning;
}

/** Shows what the store lacks. */
function tell(node: Node, store: SharedStore): () => void {
  const show = (): void => node.status(store.problem === null ? {} : storeStatus(store.problem));
  if (store.problem !== null) show();
  return store.onChange(show);
}
