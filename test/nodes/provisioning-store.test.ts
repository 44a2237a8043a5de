import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Connection } from '../../lib/state/sqlite/connection';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { storeError } from '../../lib/state/sqlite/sqlite-errors';
import { killChildren, startChild, type Child } from '../contract/state/processes';
import { FakeClock } from '../fake-clock';
import { catching, flowOf, node, sink, type FlowNode } from './flow';
import { turn, useWorld } from './world';

const childModule = join(__dirname, '..', 'contract', 'state', 'sqlite-child.ts');
const file = 'order-provisioning.sqlite';

/** A source and what asks the store, as sound as the reference flow. */
const asking = (change: Partial<FlowNode> = {}): FlowNode[] =>
  flowOf(
    node('store', change),
    node('source', { wires: [['skipped']] }),
    node('skipped'),
    node('control', { wires: [[sink]] }),
    node('health', { wires: [[sink]] }),
    ...catching(false),
  );

describe('provisioning-store', function () {
  this.timeout(30_000);
  const world = useWorld();
  afterEach(() => killChildren());

  const streams = (): number => Number(world.salesforce.people.counts()['openStreams']);
  const subscribed = (): Promise<void> => world.until('the stream is open', () => streams() === 1);
  const errors = (): string[] => world.lines('error', 'store');
  const health = async (): Promise<{ statusCode: number; body: unknown }> => {
    // One answer serves for two seconds.
    world.clock.advance(2_000);
    const { sent } = await world.pass('health', { _msgid: `h${world.clock.now()}` });
    const message = sent[0]?.message as unknown as { statusCode: number; payload: unknown };
    return { statusCode: message.statusCode, body: message.payload };
  };
  /** Another process owns the store. */
  const owner = async (): Promise<Child> => {
    const child = startChild({ childModule }, { place: world.directory, instance: 'other', script: 'hold' });
    await child.said('open');
    return child;
  };
  const failed = (code: RegExp): Promise<void> =>
    world.until(`an error fits ${code}: ${errors().join('\n')}`, () => errors().some((text) => code.test(text)));
  /** A store that was used and closed. */
  const used = async (): Promise<string> => {
    const store = await openEmbeddedStore({ directory: world.directory, clock: new FakeClock(), instance: 'before' });
    await store.claims.claim('w', 1, '801000000000001AAA');
    await store.close();
    return join(world.directory, file);
  };

  it('waits for another process that owns the file, says whose it is, and starts by itself when that is killed', async () => {
    const other = await owner();
    await world.load(asking());
    await failed(/in use by another process/);
    const locked = { fill: 'red', shape: 'ring', text: `locked by pid ${other.pid}, trying again` };
    assert.deepEqual(world.status('source'), locked);
    assert.deepEqual(world.status('store'), locked);
    assert.deepEqual(await health(), {
      statusCode: 503,
      body: {
        status: 'down',
        environment: 'production',
        database: 'down',
        redis: 'not used',
        integrations: { redis: 'not used' },
        problems: [`the store cannot be used: locked by pid ${other.pid}, trying again`],
      },
    });
    const asked = await world.pass('control', { _msgid: 'c', topic: 'pause' } as never);
    assert.match(asked.error?.message ?? '', /in use by another process/);
    world.clock.advance(10_000);
    await turn();
    assert.equal(errors().length, 1, 'it is said once');
    assert.equal(streams(), 0);
    await other.kill();
    world.clock.advance(10_000);
    await subscribed();
    const id = world.approve();
    await world.until('the event has come to its end', async () => {
      const { inbox } = (await world.provisioning()).store;
      return (await inbox.ofOrder(id)).some((event) => event.end !== null);
    });
    assert.equal((await health()).statusCode, 200);
    assert.deepEqual(world.watch.statuses.filter(({ node: of }) => of === 'store').at(-1)?.status, {});
    assert.equal((await world.pass('control', { _msgid: 'd', topic: 'pause' } as never)).error, null);
  });

  it('tries at once when somebody deploys', async () => {
    const other = await owner();
    await world.load(asking());
    await failed(/in use by another process/);
    // By now it is tried every ten seconds.
    for (let second = 0; second < 20; second++) {
      world.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await other.kill();
    const from = world.clock.monotonic();
    await world.deploy(asking(), 'full');
    await subscribed();
    assert.ok(world.clock.monotonic() - from < 5_000, `${world.clock.monotonic() - from} ms`);
  });

  it('leaves nothing behind when it is closed while it waits, and no lock', async () => {
    await owner();
    await world.load(asking());
    await failed(/in use by another process/);
    await world.unload();
    await killChildren();
    await world.until('nothing holds it', () =>
      openEmbeddedStore({ directory: world.directory, clock: new FakeClock(), instance: 'next' }).then(
        (store) => store.close().then(() => true),
        () => false,
      ),
    );
  });

  it('does not start a source that was closed meanwhile', async () => {
    const other = await owner();
    await world.load(asking());
    await failed(/in use by another process/);
    await world.deploy(
      asking().filter(({ id }) => id !== 'source'),
      'full',
    );
    await other.kill();
    world.clock.advance(10_000);
    await world.until('the store is open', async () => (await world.provisioning()).store.id !== '');
    await turn();
    assert.equal(streams(), 0);
  });

  describe('on a file that cannot be used', () => {
    const damaged: Record<string, [bytes: (before: Buffer) => Buffer, says: RegExp]> = {
      'whose head is garbage': [(before) => before.fill(0x5a, 0, 100), /does not begin as an SQLite database/],
      'that was cut short': [(before) => before.subarray(0, 10_000), /damaged/],
      'with a page of garbage': [(before) => before.fill(0xff, before.length - 4_096), /damaged/],
    };
    for (const [name, [spoil, says]] of Object.entries(damaged))
      it(`${name}: says which and what to do, red, and leaves it as it is until a deploy`, async () => {
        const path = await used();
        const bytes = spoil(readFileSync(path));
        writeFileSync(path, bytes);
        await world.load(asking());
        await failed(says);
        const [text = ''] = errors();
        assert.match(text, /^STORE_UNAVAILABLE: .*put back a backup/s);
        assert.ok(text.includes(world.directory) && text.includes(file), text);
        assert.deepEqual(world.status('source'), { fill: 'red', shape: 'ring', text: 'store damaged' });
        world.clock.advance(30_000);
        await turn();
        assert.deepEqual(readFileSync(path), bytes);
        assert.equal((await health()).statusCode, 503);
        assert.equal(errors().length, 1);
        // A person moves the file away, and deploys.
        for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
        await turn();
        assert.equal(existsSync(path), false);
        await world.deploy(asking(), 'full');
        await subscribed();
      });

    it('in a folder that is not there: opens it as soon as it is', async () => {
      const directory = join(world.directory, 'later');
      await world.load(asking({ directory }));
      await failed(/does not exist; create it/);
      assert.ok(errors()[0]?.includes(directory));
      assert.deepEqual(world.status('source'), { fill: 'red', shape: 'ring', text: 'store, trying again' });
      mkdirSync(directory);
      world.clock.advance(10_000);
      await subscribed();
    });

    it('under whose name there is something else: says so', async () => {
      mkdirSync(join(world.directory, file));
      await world.load(asking());
      await failed(/STORE_UNAVAILABLE: .*cannot be (read or written|opened)/);
      assert.equal(world.status('source')?.fill, 'red');
    });
  });

  describe('when the disk is full', () => {
    const embedded = z.object({ connection: z.instanceof(Connection) });
    /** Every write fails as SQLite's do then. @returns what makes room. */
    const fill = async (): Promise<() => void> => {
      const { connection } = embedded.parse({ ...(await world.provisioning()).store });
      const fail = (): void => {
        throw storeError({ errcode: 13, message: 'database or disk is full' });
      };
      connection.guardWrites({ file: fail, owner: () => undefined });
      return () => connection.guardWrites({ file: () => undefined, owner: () => undefined });
    };

    it('says so once, red, keeps events at Salesforce, and goes on once there is room', async () => {
      await world.load(asking());
      await subscribed();
      const makeRoom = await fill();
      const ids = Array.from({ length: 40 }, () => world.approve());
      const full = (): string[] => world.lines('error').filter((text) => /disk of the store is full/.test(text));
      await world.until('it is said', () => full().length > 0);
      for (let second = 0; second < 20; second++) {
        world.clock.advance(1_000);
        await turn();
      }
      assert.ok(full().length <= 3, full().join('\n'));
      assert.equal((await health()).statusCode, 503);
      assert.equal(world.status('source')?.fill, 'red');
      makeRoom();
      const { inbox } = (await world.provisioning()).store;
      await world.until('all have come to their end', async () => {
        world.clock.advance(1_000);
        for (const id of ids) if (!(await inbox.ofOrder(id)).some((event) => event.end !== null)) return false;
        return true;
      });
      assert.equal((await health()).statusCode, 200);
      assert.notEqual(world.status('source')?.fill, 'red');
    });
  });
});

describe('provisioning-store, its settings', () => {
  const world = useWorld();

  it('keeps its file in Node-RED’s user directory where no other is named', async () => {
    await world.load(asking());
    await world.provisioning();
    assert.ok(existsSync(join(world.directory, file)));
  });

  it('keeps its file in the directory that the environment names', async () => {
    const directory = join(world.directory, 'elsewhere');
    mkdirSync(directory);
    world.set({ MY_STORE: directory });
    await world.load(asking({ directory: '${MY_STORE}' }));
    await world.provisioning();
    assert.ok(existsSync(join(directory, file)));
    assert.equal(existsSync(join(world.directory, file)), false);
  });

  it('is one store for two nodes that name the same directory, and stays over a deploy', async () => {
    const twin = { ...node('store'), id: 'twin' };
    await world.load([...asking(), twin]);
    const first = await world.provisioning();
    assert.equal(await world.connection<'provisioning-store'>('twin').connection?.ready, first);
    await world.deploy([...asking({ name: 'new' }), twin], 'full');
    assert.equal(await world.provisioning(), first);
  });

  it('remembers over a stop and a start, and closes its file in between', async () => {
    await world.load(asking());
    const { store } = await world.provisioning();
    await store.idMappings.put({ portalUserId: null, whmcsClientId: 7, sfAccountId: '001Ql0000000001IAA' });
    await world.unload();
    const closed = (): Promise<boolean> =>
      store.idMappings.byWhmcsClient(7).then(
        () => false,
        () => true,
      );
    await world.until('its file is closed', closed);
    await world.load(asking());
    const again = (await world.provisioning()).store;
    assert.equal(again.id, store.id);
    assert.equal((await again.idMappings.byWhmcsClient(7))?.sfAccountId, '001Ql0000000001IAA');
  });

  it('is SETTING_INVALID with an engine that is none, and the source takes no work', async () => {
    world.set({ PROVISIONING_STORE: 'papyrus' });
    await world.load(asking());
    assert.deepEqual(world.status('store'), { fill: 'red', shape: 'ring', text: 'engine' });
    assert.deepEqual(world.status('source'), { fill: 'red', shape: 'ring', text: 'store' });
    assert.match(
      world.lines('error').join(),
      /^SETTING_INVALID: engine must be one of .*embedded.*; it is "papyrus"\.$/,
    );
    assert.deepEqual(world.salesforce.panel.requests(), []);
  });
});
