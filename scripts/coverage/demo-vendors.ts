/** Both simulators in this process, for a look at the check without any account. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { largeCatalogue, layOut } from '../../simulators/large-catalogue';
import { startSalesforceSimulator, type SalesforceSimulator } from '../../simulators/salesforce/server';
import { demoCredentials } from '../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../simulators/whmcs/server';
import type { Environment } from './environment';

const consumerKey = '3MVG9demo.consumer.key';
const username = 'integration@demo.example';

export interface DemoVendors {
  /** Variables that lead to them. */
  environment: Environment;
  salesforce: SalesforceSimulator;
  whmcs: WhmcsSimulator;
  stop(): Promise<void>;
}

/** @param products of a made-up catalogue in a price book of its own; null: the demo's own few. */
export async function startDemo(products: number | null): Promise<DemoVendors> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const salesforce = await startSalesforceSimulator({ consumerKey, username, publicKeyPem });
  const whmcs = await startWhmcsSimulator();
  whmcs.panel.switches({ hiddenTold: true, stockControlTold: true });
  const directory = mkdtempSync(join(tmpdir(), 'coverage-'));
  const keyPath = join(directory, 'salesforce-private.key');
  writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const pricebookId =
    products === null ? undefined : layOut(largeCatalogue(products), salesforce.people, whmcs.office).pricebookId;
  return {
    salesforce,
    whmcs,
    environment: {
      SF_LOGIN_URL: salesforce.url,
      SF_AUDIENCE: 'https://login.salesforce.com',
      SF_CLIENT_ID: consumerKey,
      SF_USERNAME: username,
      SF_PRIVATE_KEY_PATH: keyPath,
      PORTAL_PRICEBOOK_ID: pricebookId,
      WHMCS_URL: whmcs.url,
      WHMCS_API_IDENTIFIER: demoCredentials.identifier,
      WHMCS_API_SECRET: demoCredentials.secret,
    },
    async stop() {
      await salesforce.close();
      await whmcs.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
