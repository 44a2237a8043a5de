import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referenceFlow, type FlowNode } from '../../scripts/demo/node-red';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { FakeClock } from '../fake-clock';
import { heldOffUser, modesHold } from './held-off-user';
import { scenario } from './side-by-side';
import { changed, copyOf, nodeOf, pause } from './world';

const file = 'order-provisioning.sqlite';

interface Broken {
  /** Breaks the store in a directory; what it returns mends it again. */
  break(directory: string): Promise<() => Promise<void>>;
  words: RegExp;
}

const nothing = (): Promise<void> => Promise.resolve();

/** A store that was used and closed. */
async function used(directory: string): Promise<void> {
  const store = await openEmbeddedStore({ directory, clock: new FakeClock(), instance: 'before' });
  await store.cursor.write('/event/X__e', { replayId: 'AAAA', fence: 1, sequence: 1 });
  await store.close();
}

const readOnly: Record<string, Broken> = {
  fileReadOnly: {
    words: /store.s file \S+fileReadOnly\S+ cannot be written/,
    async break(directory) {
      await used(directory);
      chmodSync(join(directory, file), 0o444);
      return nothing;
    },
  },
  directoryReadOnly: {
    words: /store.s directory, \S+directoryReadOnly, cannot be written/,
    async break(directory) {
      await used(directory);
      chmodSync(directory, 0o555);
      return () => Promise.resolve(chmodSync(directory, 0o755));
    },
  },
};

const kinds: Record<string, Broken> = {
  ...(modesHold ? readOnly : {}),
  text: {
    words: /damaged: the file does not begin as an SQLite database/,
    async break(directory) {
      await used(directory);
      writeFileSync(join(directory, file), 'this was a store');
      return nothing;
    },
  },
  damaged: {
    words: /store.s database is damaged: .*It was left as it is/,
    async break(directory) {
      await used(directory);
      const bytes = readFileSync(join(directory, file));
      // A page that opening would not touch.
      writeFileSync(join(directory, file), bytes.fill(0xff, bytes.length - 4_096));
      return nothing;
    },
  },
  cut: {
    words: /store.s database is damaged: .*It was left as it is/,
    async break(directory) {
      await used(directory);
      writeFileSync(join(directory, file), readFileSync(join(directory, file)).subarray(0, 10_000));
      return nothing;
    },
  },
  locked: {
    words: /in use by another process \(pid \d+/,
    async break(directory) {
      // This process is not Node-RED's; its clock stands, so it writes nothing meanwhile.
      const store = await openEmbeddedStore({ directory, clock: new FakeClock(), instance: 'other' });
      return () => store.close();
    },
  },
};

const bytesOf = (directory: string): string => readFileSync(join(directory, file)).toString('base64');

function flowWith(name: string, directory: string): FlowNode[] {
  const flows = copyOf(referenceFlow(), name);
  const stored = changed(flows, nodeOf(flows, 'provisioning-store').id, { name, directory });
  return changed(stored, nodeOf(stored, 'http in').id, { url: `/health/${name}` });
}

describe('a store that cannot be used', () => {
  scenario(
    'is an error that says why; its file is left as it is, and /health is 503 and names the store',
    async (world) => {
      const mends: (() => Promise<void>)[] = [];
      const before: Record<string, string> = {};
      const place = (name: string): string => join(world.directory, name);
      try {
        const flows: FlowNode[] = [];
        for (const name of Object.keys(kinds)) {
          mkdirSync(place(name));
          flows.push(...flowWith(name, place(name)));
        }
        world.giveTo(heldOffUser);
        for (const [name, kind] of Object.entries(kinds)) mends.push(await kind.break(place(name)));
        for (const name of Object.keys(kinds)) before[name] = bytesOf(place(name));
        await world.start(flows, { uid: heldOffUser, subscribes: false });
        const errorsOf = (name: string): string[] => world.errors().filter((line) => line.includes(`:${name}]`));
        await world.until('each is named', () => Object.keys(kinds).every((name) => errorsOf(name).length > 0));
        await pause(1_000);
        for (const [name, { words }] of Object.entries(kinds)) {
          assert.match(errorsOf(name).join('\n'), words);
          assert.ok(bytesOf(place(name)) === before[name], `${name}: the file was changed`);
          const health = await world.get(`/health/${name}`);
          assert.equal(health.status, 503, name);
          assert.match(JSON.stringify(health.body), /store/);
        }
        assert.equal(world.openStreams(), 0);
        assert.ok(world.isUp);
      } finally {
        for (const mend of mends) await mend();
      }
    },
  );
});
