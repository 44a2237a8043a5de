import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { silentLog, type Log } from '../../lib/log';
import { Catalogue } from '../../lib/whmcs/catalogue';
import { createWhmcs } from '../../lib/whmcs/connection';
import { connectionTest, registerAdminRoutes, type TestAnswer } from '../shared/admin-routes';
import { configNode, keyOf } from '../shared/config-node';
import type { WhmcsOrderSettings } from '../shared/connections';
import { stepsRun, time, whmcses, type WhmcsConnection } from '../shared/registry';
import {
  choice,
  needed,
  optionalSecret,
  secondsSetting,
  secret,
  text,
  whole,
  type Secrets,
  type ValuesOf,
} from '../shared/settings';

const settings = {
  url: needed(),
  adminUrl: text(),
  readTimeout: secondsSetting(30, { min: 1, max: 300 }),
  writeTimeout: secondsSetting(120, { min: 5, max: 900 }),
  maxParallel: whole(2, { min: 1, max: 20 }),
  marker: choice(['notes', 'customField', 'none'], 'notes'),
  markerFieldId: whole(null, { min: 1, max: 1_000_000 }),
  paymentMethod: text('mailin'),
};

const secrets = {
  identifier: secret('identifierVar'),
  secret: secret('secretVar'),
  accessKey: optionalSecret('accessKeyVar'),
};

export = (RED: NodeAPI): void => {
  registerAdminRoutes(RED, { testWhmcs: connectionTest(settings, secrets, tryActions) });
  configNode(RED, 'whmcs-connection', {
    settings,
    secrets,
    open(values, hidden, log) {
      const marker = markerOf(values);
      const { value, release } = whmcses.acquire(
        keyOf(values, hidden),
        () => connect(values, hidden, log),
        ({ whmcs }) => Promise.resolve(whmcs.close()),
        stepsRun,
      );
      return { value: { ...value, order: { paymentMethod: values.paymentMethod, marker } }, release };
    },
  });
};

function markerOf({ marker, markerFieldId }: ValuesOf<typeof settings>): WhmcsOrderSettings['marker'] {
  if (marker !== 'customField') return marker;
  if (markerFieldId === null)
    throw new Error('markerFieldId is empty: enter the id of the product custom field that holds the marker.');
  return { customFieldId: markerFieldId };
}

function connect(values: ValuesOf<typeof settings>, hidden: Secrets<typeof secrets>, log: Log): WhmcsConnection {
  const whmcs = createWhmcs({
    url: values.url,
    ...(values.adminUrl === null ? {} : { adminUrl: values.adminUrl }),
    identifier: hidden.identifier,
    secret: hidden.secret,
    ...(hidden.accessKey === null ? {} : { accessKey: hidden.accessKey }),
    readTimeoutMs: values.readTimeout * 1_000,
    writeTimeoutMs: values.writeTimeout * 1_000,
    maxParallel: values.maxParallel,
    clock: time.clock,
    log,
  });
  return { whmcs, catalogue: new Catalogue(whmcs, time.clock) };
}

async function tryActions(
  values: ValuesOf<typeof settings>,
  hidden: Secrets<typeof secrets>,
  signal: AbortSignal,
): Promise<TestAnswer> {
  const { whmcs } = connect(values, hidden, silentLog);
  try {
    const { version, lacking, absent } = await whmcs.testPermissions(signal);
    const details = [
      ...lacking.map((action) => `✗ ${action}: tick it in the API role`),
      ...absent.map((action) => `✗ ${action}: this WHMCS does not have it`),
    ];
    const named = version === null ? 'WHMCS' : `WHMCS ${version}`;
    if (details.length > 0)
      return { ok: false, code: 'WHMCS_CONFIG', message: `${named} answers, but some actions are missing.`, details };
    return { ok: true, code: 'OK', message: `${named} accepts every action that is needed.`, details };
  } finally {
    whmcs.close();
  }
}
