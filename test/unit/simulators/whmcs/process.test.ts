import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { form } from './start';

const main = join(__dirname, '../../../../simulators/whmcs/main.ts');
const readyLine = z.object({ ready: z.literal(true), url: z.string(), apiUrl: z.string() });

describe('the WHMCS simulator as a process', () => {
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

  function run(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    return child;
  }

  it('prints one line when it is ready, serves with the credentials given, and ends cleanly on SIGTERM', async () => {
    const child = run('--base', '/billing', '--identifier', 'abc', '--secret', 'def');
    const output: string[] = [];
    child.stdout?.on('data', (chunk) => output.push(String(chunk)));
    await once(child.stdout ?? child, 'data');
    const { url, apiUrl } = readyLine.parse(JSON.parse(output.join('')));
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await fetch(apiUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form({ action: 'WhmcsDetails', responsetype: 'json', identifier: 'abc', secret: 'def' }),
    });
    assert.equal(((await answer.json()) as { result: string }).result, 'success');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.equal(output.join('').trim().split('\n').length, 1);
  });

  it('refuses an argument that it does not know', async () => {
    const child = run('--prot', '80');
    const [code] = (await once(child, 'exit')) as [number];
    assert.notEqual(code, 0);
  });
});
