/** Both simulators, started once for all test files of the run. */
import { generateKeyPairSync } from 'node:crypto';
import { demoCredentials } from '../../simulators/whmcs/authentication';
import { startSalesforceSimulator, type SalesforceSimulator } from '../../simulators/salesforce/server';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../simulators/whmcs/server';

export interface Vendors {
  salesforce: SalesforceSimulator;
  whmcs: WhmcsSimulator;
}

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const login = {
  consumerKey: '3MVG9.the.consumer.key.of.the.tests',
  username: 'integration@example.test',
  privateKeyPem: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
};
export { demoCredentials };

let started: Promise<Vendors> | null = null;

export function startVendors(): Promise<Vendors> {
  started ??= Promise.all([
    startSalesforceSimulator({
      consumerKey: login.consumerKey,
      username: login.username,
      publicKeyPem: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    }),
    startWhmcsSimulator(),
  ]).then(([salesforce, whmcs]) => ({ salesforce, whmcs }));
  return started;
}

after(async () => {
  const running = await started;
  await running?.salesforce.close();
  await running?.whmcs.close();
});

/** The variables that set a flow up for both. */
export function environment({ salesforce, whmcs }: Vendors, privateKeyPath: string): Record<string, string> {
  return {
    SF_LOGIN_URL: salesforce.url,
    SF_AUDIENCE: 'https://login.salesforce.com',
    SF_CLIENT_ID: login.consumerKey,
    SF_USERNAME: login.username,
    SF_PRIVATE_KEY_PATH: privateKeyPath,
    SF_PUBSUB_ENDPOINT: salesforce.pubsub,
    WHMCS_URL: whmcs.url,
    WHMCS_API_IDENTIFIER: demoCredentials.identifier,
    WHMCS_API_SECRET: demoCredentials.secret,
    WHMCS_API_ACCESS_KEY: demoCredentials.accessKey,
  };
}

const keyLines = login.privateKeyPem.split('\n').filter((line) => line.length > 40);

/** The first secret of these vendors that stands in a text; undefined: none. */
export function secretIn(text: string): string | undefined {
  const known = [
    login.consumerKey,
    demoCredentials.identifier,
    demoCredentials.secret,
    demoCredentials.accessKey,
    ...keyLines,
  ];
  return known.find((one) => text.includes(one)) ?? /\b00D\w{12,15}!\S*/.exec(text)?.[0];
}
