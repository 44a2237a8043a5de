/** Both simulators in this process, on one time that runs many times as fast; put back to the same state for each seed. */
import { generateKeyPairSync } from 'node:crypto';
import { startSalesforceSimulator, type SalesforceSimulator } from '../../simulators/salesforce/server';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../simulators/whmcs/server';
import type { Pace } from './scaled-clock';

/** Where each seed begins. */
const startAt = Date.UTC(2026, 0, 5, 9);
const clientId = 'prove';
/** The WHMCS client that each seed's orders are of. */
export const customerClient = 3_001;
const username = 'integration@prove.example';

export class Vendors {
  pace: Pace;

  private constructor(
    readonly salesforce: SalesforceSimulator,
    readonly whmcs: WhmcsSimulator,
    private readonly key: string,
    private readonly rate: number,
  ) {
    this.pace = { virtualAt: startAt, realAt: Date.now(), rate };
  }

  static async open(rate: number): Promise<Vendors> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const time = { startAt, clockRate: rate };
    const salesforce = await startSalesforceSimulator({
      consumerKey: clientId,
      username,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      ...time,
    });
    const whmcs = await startWhmcsSimulator(time);
    return new Vendors(salesforce, whmcs, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), rate);
  }

  /** Empty books, no faults, the time of the start. */
  reset(): void {
    this.salesforce.panel.reset();
    this.whmcs.panel.reset();
    this.pace = { virtualAt: this.whmcs.panel.now(), realAt: Date.now(), rate: this.rate };
  }

  now(): number {
    return this.whmcs.panel.now();
  }

  /** What a worker is told of them. */
  get addresses() {
    return {
      salesforce: { url: this.salesforce.url, pubsub: this.salesforce.pubsub, clientId, username, key: this.key },
      whmcs: {
        url: this.whmcs.url,
        identifier: 'DemoIdentifierDemoIdentifier0001',
        secret: 'DemoSecretDemoSecretDemoSecret01',
        writeTimeoutMs: 60_000,
      },
    };
  }

  /** A new account, linked to a new WHMCS client who can pay. */
  customer(whmcsClientId: number): string {
    const account = `Customer ${whmcsClientId}`;
    this.whmcs.office.putClient({ id: whmcsClientId, company: account });
    this.salesforce.people.putRecord({
      type: 'Account',
      fields: { Name: account, WH_Account__c: `#${whmcsClientId}` },
    });
    return account;
  }

  async close(): Promise<void> {
    await this.salesforce.close();
    await this.whmcs.close();
  }
}
