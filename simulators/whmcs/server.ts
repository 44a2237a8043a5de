/** The WHMCS simulator: one installation on loopback. WHMCS reference §9. */
import fastify from 'fastify';
import { FaultTable } from '../shared/faults';
import { Ledger } from '../shared/ledger';
import { panelOf, registerPanel, type PanelParts, type Running } from '../shared/panel';
import { RequestLog } from '../shared/requests';
import { VirtualClock } from '../shared/virtual-clock';
import { actions } from './actions';
import { Api, merge, type Merge } from './api';
import { demoCredentials } from './authentication';
import type { World } from './call';
import { BackOffice } from './back-office';
import { panelRoutes } from './panel-routes';
import { Store } from './store';
import { whmcsSwitches, type WhmcsSwitches } from './switches';

export interface WhmcsOptions {
  /** The API credential; the demo's when not given. */
  identifier?: string | undefined;
  secret?: string | undefined;
  /** Opens the door to any address; the demo's when not given. */
  accessKey?: string | undefined;
  /** 0 or none: any free port. */
  port?: number;
  /** Path before includes/api.php, such as `/billing`; none by default. */
  base?: string | undefined;
  /** Wall ms at which the virtual clock starts; none: now. */
  startAt?: number;
  /** How many times as fast as real time the virtual clock runs; none: 1. */
  clockRate?: number;
}

export interface WhmcsSimulator extends Running<WhmcsSwitches> {
  /** Full address of api.php. */
  apiUrl: string;
  /** A person's hand and the books: what `/_panel/orders`, `clients` and `products` do. */
  office: BackOffice;
}

/**
 * Starts the installation on 127.0.0.1 with the demo's data.
 * @throws when the port is taken.
 */
export async function startWhmcsSimulator(options: WhmcsOptions = {}): Promise<WhmcsSimulator> {
  const clock = new VirtualClock(options.startAt, options.clockRate);
  const ledger = new Ledger(clock);
  const requests = new RequestLog(clock);
  const faults = new FaultTable<Merge>(Object.keys(actions), { merge });
  const switches = whmcsSwitches();
  const store = new Store(clock);
  const credentials = {
    ...demoCredentials,
    ...(options.identifier === undefined ? {} : { identifier: options.identifier }),
    ...(options.secret === undefined ? {} : { secret: options.secret }),
    ...(options.accessKey === undefined ? {} : { accessKey: options.accessKey }),
  };
  // Switches are replaced as a whole: each use reads the ones in force.
  const world: World = {
    store,
    ledger,
    clock,
    get switches() {
      return switches.values;
    },
  };
  const office = new BackOffice(world);
  const panelParts: PanelParts<WhmcsSwitches> = {
    title: 'WHMCS',
    ledger,
    requests,
    faults,
    switches,
    clock,
    resetData: () => store.reset(),
  };

  const app = fastify({ forceCloseConnections: true, bodyLimit: 8 * 1024 * 1024 });
  const path = `${options.base ?? ''}/includes/api.php`;
  new Api({ world, credentials, faults, requests }).register(app, path);
  await registerPanel(app, panelParts, (scope) => panelRoutes(scope, office));

  const close = async (): Promise<void> => {
    clock.close();
    await app.close();
  };
  try {
    const url = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
    return { url, apiUrl: `${url}${path}`, panel: panelOf(panelParts), office, close };
  } catch (error) {
    await close();
    throw error;
  }
}
