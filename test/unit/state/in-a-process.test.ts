/** What can be seen from a process of its own only: another user's rights, and what Node prints. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { Embedded } from './embedded';

const run = promisify(execFile);
const said = z.object({ code: z.string().nullable(), message: z.string() });

/** root may write everywhere: then the process runs as another user. */
const nobody = process.getuid?.() === 0 ? 65534 : undefined;

async function openOnce(directory: string): Promise<z.infer<typeof said> & { stderr: string }> {
  const { stdout, stderr } = await run(
    process.execPath,
    [
      '--require',
      'tsx/cjs',
      join(__dirname, 'open-once.ts'),
      directory,
      ...(nobody === undefined ? [] : [String(nobody)]),
    ],
    { timeout: 30_000 },
  );
  return { ...said.parse(JSON.parse(stdout)), stderr };
}

describe('The embedded store in a process of its own', function () {
  this.timeout(30_000);
  const embedded = new Embedded();

  /** Gives the files to the user that the process runs as. */
  const give = async (): Promise<void> => {
    if (nobody === undefined) return;
    await chown(embedded.directory, nobody, nobody);
    for (const name of await readdir(embedded.directory)) await chown(join(embedded.directory, name), nobody, nobody);
  };

  it('opens what it may write, keeps back SQLite’s own warning and no other', async () => {
    await embedded.filled();
    await give();
    const { code, message, stderr } = await openOnce(embedded.directory);
    assert.equal(code, null, message);
    assert.equal(message, 'warnings as before');
    assert.match(stderr, /another thing is experimental/);
    assert.doesNotMatch(stderr, /SQLite/);
  });

  it('is held off by the lock alone, where no row names the owner', async () => {
    await embedded.open();
    embedded.sql('DELETE FROM owner');
    await give();
    const { code, message } = await openOnce(embedded.directory);
    assert.equal(code, 'LOCKED');
    assert.match(message, /in use by another process\. One Node-RED owns it/);
  });

  it('refuses a directory that it may not write', async () => {
    await embedded.filled();
    await give();
    await chmod(embedded.directory, 0o555);
    const { code, message } = await openOnce(embedded.directory);
    await chmod(embedded.directory, 0o755);
    assert.equal(code, 'READ_ONLY');
    assert.match(message, /directory.*the right to write/);
  });

  for (const name of ['order-provisioning.sqlite', 'order-provisioning.lock']) {
    it(`refuses to run on ${name} when it may not write it`, async () => {
      await embedded.filled();
      await give();
      await chmod(join(embedded.directory, name), 0o444);
      const { code, message } = await openOnce(embedded.directory);
      assert.equal(code, 'READ_ONLY');
      assert.ok(message.includes(name), message);
    });
  }
});
