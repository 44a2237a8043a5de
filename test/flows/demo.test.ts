import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repository } from '../unit/build/scratch-package';
import { heldOffUser, modesHold } from './held-off-user';
import { beside } from './side-by-side';
import { pause } from './world';

/** Node-RED's own limit, and that of the simulators after it. */
const endLimitMs = 30_000;
/** What is left may end a little later: esbuild's service sees its parent go. */
const strayLimitMs = 5_000;

interface Ended {
  code: number | null;
  output: string;
}

/** The demo as `npm run demo` starts it once the pack is built, in a process group of its own, as a terminal does. */
class Demo {
  output = '';
  private readonly child;
  private readonly closed;

  constructor(args: string[], user: { uid?: number } = {}) {
    const words = ['--import', 'tsx', join('scripts', 'demo', 'main.ts'), ...args];
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
    this.child = spawn(process.execPath, words, { cwd: repository, stdio, detached: true, ...user });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.closed = once(this.child, 'close');
  }

  async says(text: string): Promise<void> {
    const limit = Date.now() + 90_000;
    while (!this.output.includes(text)) {
      assert.equal(this.child.exitCode, null, this.output);
      assert.ok(Date.now() < limit, `it does not say "${text}":\n${this.output}`);
      await pause(50);
    }
  }

  /** Ctrl+C: the terminal tells the whole group. */
  interrupt(): void {
    process.kill(-this.pid, 'SIGINT');
  }

  /** Somebody ends the first process alone. */
  terminate(): void {
    this.child.kill('SIGTERM');
  }

  async ends(limitMs = endLimitMs): Promise<Ended> {
    const late = pause(limitMs).then(() => 'late' as const);
    if ((await Promise.race([this.closed, late])) === 'late') {
      process.kill(-this.pid, 'SIGKILL');
      assert.fail(`it does not end:\n${this.output}`);
    }
    const limit = Date.now() + strayLimitMs;
    while (this.isLeft()) {
      assert.ok(Date.now() < limit, 'a process is left');
      await pause(50);
    }
    return { code: this.child.exitCode, output: this.output };
  }

  private get pid(): number {
    if (this.child.pid === undefined) throw new Error('the demo was not started');
    return this.child.pid;
  }

  private isLeft(): boolean {
    try {
      return process.kill(-this.pid, 0);
    } catch {
      return false;
    }
  }
}

/** A directory to run in, gone after it. */
async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), 'demo-'));
  chmodSync(parent, 0o755);
  try {
    await work(join(parent, 'demo'));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

const refusedWith = async (demo: Demo, words: RegExp): Promise<void> => {
  const { code, output } = await demo.ends();
  assert.equal(code, 1, output);
  assert.match(output, words);
  assert.doesNotMatch(output, /^\s+at |starting/m);
};

describe('the demo', () => {
  beside('with --check tells its five stories, and each ends as it must', () =>
    inDirectory(async (directory) => {
      const { code, output } = await new Demo(['--check', '--directory', directory]).ends(150_000);
      assert.equal(code, 0, output);
      assert.match(output, /All 5 orders ended as they must\./);
    }),
  );

  for (const [stage, args, hows, code] of [
    ['starting the simulated Salesforce', ['--check'], ['interrupt'], 130],
    ['starting the simulated WHMCS', ['--check'], ['interrupt'], 130],
    ['starting Node-RED', ['--check'], ['interrupt', 'terminate'], 130],
    ['waiting until the flow takes in events', ['--check'], ['interrupt'], 130],
    ['approving "Answer lost after AddOrder"', ['--check'], ['interrupt'], 130],
    ['Ctrl+C ends everything', ['--port', '0'], ['interrupt', 'terminate'], 0],
  ] as const)
    beside(`ends with all its processes when it is interrupted at "${stage}"`, () =>
      inDirectory(async (directory) => {
        for (const how of hows) {
          const demo = new Demo([...args, '--directory', directory]);
          await demo.says(stage);
          demo[how]();
          const ended = await demo.ends();
          assert.equal(ended.code, code, `${how}: ${ended.output}`);
          assert.match(ended.output, /ending\n$/);
        }
      }),
    );

  beside('says that its port is in use, and how to give it another', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await inDirectory((directory) =>
        refusedWith(
          new Demo(['--port', String(port), '--directory', directory]),
          new RegExp(`Port ${port} is in use.* npm run demo -- --port ${port + 1}`),
        ),
      );
    } finally {
      server.close();
    }
  });

  if (modesHold)
    beside('says that it may not write in its directory, and how to give it another', () =>
      inDirectory(async (directory) => {
        mkdirSync(directory);
        if (heldOffUser !== undefined) chownSync(directory, heldOffUser, heldOffUser);
        chmodSync(directory, 0o555);
        await refusedWith(
          new Demo(['--check', '--directory', directory], heldOffUser === undefined ? {} : { uid: heldOffUser }),
          /cannot be written \(EACCES\).* npm run demo -- --directory PATH/,
        );
      }),
    );

  beside('touches no directory that is not its own, and none that another demo uses', () =>
    inDirectory(async (directory) => {
      mkdirSync(directory);
      const file = join(directory, 'thesis.txt');
      writeFileSync(file, 'years of work');
      await refusedWith(new Demo(['--check', '--directory', directory]), /is not empty and not the demo's/);
      writeFileSync(join(directory, 'demo.pid'), String(process.pid));
      await refusedWith(new Demo(['--check', '--directory', directory]), /Another demo \(process \d+\) runs in/);
      assert.ok(existsSync(file));
    }),
  );
});
