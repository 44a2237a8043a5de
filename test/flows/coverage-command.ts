/** `npm run coverage` as a person runs it, against simulators in this process whose books tell what it asked. */
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layOut, type CataloguedProduct } from '../../simulators/large-catalogue';
import { startSalesforceSimulator, type SalesforceSimulator } from '../../simulators/salesforce/server';
import { demoCredentials } from '../../simulators/whmcs/authentication';
import { startWhmcsSimulator, type WhmcsSimulator } from '../../simulators/whmcs/server';

const root = join(__dirname, '..', '..');
/** Signs of it must be in no output. */
export const secrets = { consumerKey: 'consumer.key.of.the.app', passphrase: 'passphrase-of-the-key' };

export interface Ended {
  /** null: ended by a signal. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export class CoverageScene {
  private constructor(
    readonly salesforce: SalesforceSimulator,
    readonly whmcs: WhmcsSimulator,
    /** Of the files that a run writes. */
    readonly directory: string,
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async open(): Promise<CoverageScene> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const username = 'integration@example.test';
    const salesforce = await startSalesforceSimulator({
      consumerKey: secrets.consumerKey,
      username,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    });
    const whmcs = await startWhmcsSimulator();
    const directory = mkdtempSync(join(tmpdir(), 'coverage-'));
    const keyPath = join(directory, 'key.pem');
    const { passphrase } = secrets;
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
    writeFileSync(keyPath, pem, { mode: 0o600 });
    return new CoverageScene(salesforce, whmcs, directory, {
      SF_LOGIN_URL: salesforce.url,
      SF_AUDIENCE: 'https://login.salesforce.com',
      SF_CLIENT_ID: secrets.consumerKey,
      SF_USERNAME: username,
      SF_PRIVATE_KEY_PATH: keyPath,
      SF_PRIVATE_KEY_PASSPHRASE: passphrase,
      WHMCS_URL: whmcs.url,
      WHMCS_API_IDENTIFIER: demoCredentials.identifier,
      WHMCS_API_SECRET: demoCredentials.secret,
    });
  }

  /** Puts it into both, where WHMCS tells all that any WHMCS tells. @returns the id of its price book. */
  layOut(catalogue: readonly CataloguedProduct[]): string {
    this.whmcs.panel.switches({ hiddenTold: true, stockControlTold: true });
    return layOut(catalogue, this.salesforce.people, this.whmcs.office).pricebookId;
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** @param change variables on top of the scene's; undefined: not set. @param onStderr told of what comes, with a hand to end it. */
  run(
    words: readonly string[],
    change: Readonly<Record<string, string | undefined>> = {},
    onStderr: (text: string, end: (signal: NodeJS.Signals) => void) => void = () => undefined,
  ): Promise<Ended> {
    const script = ['scripts/with-node.cjs', 'scripts/coverage.mjs'];
    return this.spawned([process.execPath, ...script, ...words], change, onStderr);
  }

  /** By npm itself, which has to hand the exit code on. */
  runByNpm(words: readonly string[], change: Readonly<Record<string, string | undefined>> = {}): Promise<Ended> {
    return this.spawned(['npm', 'run', '--silent', 'coverage', '--', ...words], change);
  }

  private spawned(
    [command = '', ...words]: readonly string[],
    change: Readonly<Record<string, string | undefined>>,
    onStderr: (text: string, end: (signal: NodeJS.Signals) => void) => void = () => undefined,
  ): Promise<Ended> {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ...this.environment, ...change };
    const child = spawn(command, words, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended: Ended = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      ended.stderr += text;
      onStderr(ended.stderr, (signal) => child.kill(signal));
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ ...ended, code }));
    });
  }

  reset(): void {
    this.salesforce.panel.reset();
    this.whmcs.panel.reset();
  }

  async close(): Promise<void> {
    await this.salesforce.close();
    await this.whmcs.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
