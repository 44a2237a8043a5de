import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { assertion, consumerKey, grantType, keys, username } from './start';

const main = join(__dirname, '../../../../simulators/salesforce/main.ts');

describe('salesforce simulator: as its own process', () => {
  const run = (...options: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', main, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });

  it('prints one ready line with its addresses, serves logins, and ends on SIGTERM', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'salesforce-simulator-'));
    const keyFile = join(folder, 'public.pem');
    writeFileSync(keyFile, keys.publicKey.export({ type: 'spki', format: 'pem' }));
    const child = run('--consumer-key', consumerKey, '--username', username, '--public-key', keyFile);
    try {
      const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
      const ready = JSON.parse(line) as Record<string, string | boolean>;
      assert.equal(ready.ready, true);
      assert.match(String(ready.url), /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.match(String(ready.pubsub), /^localhost:\d+$/);
      assert.match(String(ready.pubsubTls), /^localhost:\d+$/);
      assert.match(String(ready.tlsCertificatePem), /^-----BEGIN CERTIFICATE-----\n/);
      const response = await fetch(`${String(ready.url)}/services/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: grantType, assertion: await assertion() }),
      });
      assert.equal(response.status, 200);
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number];
      assert.equal(code, 0);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    }
  });

  it('says which option is missing', async () => {
    const child = run('--consumer-key', consumerKey);
    let said = '';
    child.stderr.on('data', (chunk) => (said += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    assert.notEqual(code, 0);
    assert.match(said, /--username is needed/);
  });
});
