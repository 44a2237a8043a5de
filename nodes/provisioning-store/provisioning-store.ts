import type { NodeAPI } from 'node-red';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { configNode } from '../shared/config-node';
import { instance, stores, time, whmcsOf } from '../shared/registry';
import { choice, text } from '../shared/settings';

export = (RED: NodeAPI): void =>
  configNode(RED, 'provisioning-store', {
    settings: {
      engine: choice(['embedded', 'redis'], 'embedded'),
      directory: text(),
      idMappings: choice(['none', 'embedded'], 'none'),
    },
    secrets: {},
    open({ engine, directory }, _secrets, log) {
      if (engine === 'redis')
        throw new Error('engine: this version has the embedded store only; set PROVISIONING_STORE to embedded.');
      const place = directory ?? String(RED.settings.userDir ?? process.cwd());
      const open = async (): Promise<Provisioning> => {
        const store = await openEmbeddedStore({ directory: place, clock: time.clock, instance });
        const provisioning = new Provisioning({
          store,
          sender: thisProcess(instance),
          clock: time.clock,
          log,
          whmcsOf,
        });
        await provisioning.start();
        return provisioning;
      };
      const { value, release } = stores.acquire(
        place,
        open,
        async (opened) => (await opened).close(),
        async (opened) => (await opened).handouts.anyRunning,
      );
      value.catch((error: unknown) => {
        stores.forget(place);
        log.error(error instanceof Error ? error.message : String(error));
      });
      return { value, release };
    },
  });
