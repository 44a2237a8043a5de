import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { createSalesforce } from '../../lib/salesforce/connection';
import type { PrivateKeySource } from '../../lib/salesforce/private-key';
import type { Log } from '../../lib/log';
import { silentLog } from '../../lib/log';
import { connectionTest, registerAdminRoutes, type TestAnswer } from '../shared/admin-routes';
import { readCertificates } from '../shared/certificates';
import { configNode, keyOf } from '../shared/config-node';
import { salesforces, stepsRun, time, type SalesforceConnection } from '../shared/registry';
import { needed, optionalSecret, secret, secretUnless, text, type Secrets, type ValuesOf } from '../shared/settings';

const settings = {
  loginUrl: needed(),
  audience: text(),
  apiVersion: text('68.0'),
  pubsubEndpoint: text('api.pubsub.salesforce.com:7443'),
  tlsCa: text(),
};

const secrets = {
  clientId: secret('clientIdVar'),
  username: secret('usernameVar'),
  /** Pasted PEM; can only be stored. */
  privateKey: optionalSecret(null),
  privateKeyPath: secretUnless('privateKey', 'privateKeyPathVar'),
  passphrase: optionalSecret('passphraseVar'),
};

export = (RED: NodeAPI): void => {
  registerAdminRoutes(RED, { testSalesforce: connectionTest(settings, secrets, tryLogin) });
  configNode(RED, 'sf-connection', {
    settings,
    secrets,
    open: (values, hidden, log) =>
      salesforces.acquire(
        keyOf(values, hidden),
        () => connect(values, hidden, log),
        ({ salesforce }) => Promise.resolve(salesforce.close()),
        stepsRun,
      ),
  });
};

function connect(values: ValuesOf<typeof settings>, hidden: Secrets<typeof secrets>, log: Log): SalesforceConnection {
  const ca = readCertificates(values.tlsCa);
  const { loginUrl, apiVersion, pubsubEndpoint } = values;
  const { clientId, username } = hidden;
  const salesforce = createSalesforce({
    loginUrl,
    audience: values.audience ?? undefined,
    clientId,
    username,
    privateKey: keySource(hidden),
    apiVersion,
    ca,
    clock: time.clock,
    log,
  });
  return { salesforce, pubsubEndpoint, apiVersion, ca };
}

function keySource(hidden: Secrets<typeof secrets>): PrivateKeySource {
  const passphrase = hidden.passphrase ?? undefined;
  return hidden.privateKey === null
    ? { path: hidden.privateKeyPath ?? '', passphrase }
    : { pem: hidden.privateKey, passphrase };
}

async function tryLogin(
  values: ValuesOf<typeof settings>,
  hidden: Secrets<typeof secrets>,
  signal: AbortSignal,
): Promise<TestAnswer> {
  const { salesforce } = connect(values, hidden, silentLog);
  try {
    const token = await salesforce.auth.token(signal);
    return {
      ok: true,
      code: 'OK',
      message: 'Salesforce accepts the login.',
      details: [`Organisation ${token.organizationId}`, `Instance ${token.instanceUrl}`],
    };
  } finally {
    salesforce.close();
  }
}
