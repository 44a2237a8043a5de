/** A sentinel of our own on loopback, which watches one master under the name `mymaster`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../scripts/demo/node-red';

const readyMs = 15_000;

export interface Sentinel {
  readonly port: number;
  stop(): Promise<void>;
}

/** @param quorum how many sentinels must miss the master; it is missed after a second. */
export async function startSentinel(masterPort: number, quorum = 1): Promise<Sentinel> {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'));
  const port = await freePort();
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor mymaster 127.0.0.1 ${masterPort} ${quorum}`,
    'sentinel down-after-milliseconds mymaster 1000',
    'sentinel failover-timeout mymaster 5000',
  ];
  writeFileSync(file, lines.join('\n'));
  const child = spawn('redis-sentinel', [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`redis-sentinel was not ready:\n${said.join('\n')}`)), readyMs);
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      if (!line.includes('+monitor master')) return;
      clearTimeout(limit);
      resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`redis-sentinel ended:\n${said.join('\n')}`)));
  });
  return {
    port,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGTERM');
        await gone;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
