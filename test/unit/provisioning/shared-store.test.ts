import assert from 'node:assert/strict';
import type { Log } from '../../../lib/log';
import type { Provisioning } from '../../../lib/provisioning/provisioning';
import { SharedStore } from '../../../lib/provisioning/shared-store';
import { StoreError, type StoreHealth } from '../../../lib/state/contract';
import { FakeClock } from '../../fake-clock';

describe('A store that is shared', () => {
  let clock: FakeClock;
  let lines: string[];
  /** Monotonic ms of each try. */
  let triedAt: number[];
  let closed: number;
  /** What the next tries come to; nothing more: it opens. */
  let stumbles: (Error | Promise<void>)[];
  /** What an open store says of itself from now on. */
  let says: StoreHealth;
  const provisioning = {
    close: () => Promise.resolve(void (closed += 1)),
    store: { health: () => Promise.resolve(says) },
  } as unknown as Provisioning;

  beforeEach(() => {
    clock = new FakeClock();
    lines = [];
    triedAt = [];
    closed = 0;
    stumbles = [];
    says = { ok: true, detail: 'redis', latencyMs: 1 };
  });

  const share = (parts: { engine?: 'redis' } = {}): SharedStore => {
    const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
    const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    const open = async (): Promise<Provisioning> => {
      triedAt.push(clock.monotonic());
      const next = stumbles.shift();
      if (next instanceof Error) throw next;
      await next;
      return provisioning;
    };
    return new SharedStore(open, { place: '/data/red', clock, log, ...parts });
  };
  const locked = (ownerPid?: number): StoreError =>
    new StoreError('LOCKED', 'The store is in use.', ownerPid === undefined ? {} : { ownerPid });

  it('is open at once where nothing stands in its way', async () => {
    const store = share();
    assert.deepEqual([store.provisioning, store.problem], [null, null]);
    assert.equal(await store.ready, provisioning);
    assert.equal(store.provisioning, provisioning);
    assert.deepEqual(lines, []);
    assert.equal(clock.pending, 0);
  });

  it('is tried again, ever more seldom, at least every ten seconds, while another process owns it', async () => {
    stumbles = Array.from({ length: 7 }, () => locked(4711));
    const store = share();
    await clock.advance(0);
    assert.deepEqual(store.problem, {
      code: 'LOCKED',
      message: 'The store is in use. (The store is in /data/red.)',
      ownerPid: 4711,
      triesAgain: true,
    });
    await clock.advance(45_000);
    assert.deepEqual(triedAt, [0, 1_000, 3_000, 8_000, 18_000, 28_000, 38_000]);
    await clock.advance(10_000);
    assert.equal(store.provisioning, provisioning);
    assert.equal(store.problem, null);
    assert.equal(await store.ready, provisioning);
    assert.equal(clock.pending, 0);
  });

  it('says once what is wrong, and once that it is open', async () => {
    stumbles = [locked(1), locked(1), locked(2)];
    share();
    await clock.advance(60_000);
    assert.deepEqual(lines, [
      'error STORE_UNAVAILABLE: The store is in use. (The store is in /data/red.) It is tried again by itself.',
      'info The store is open now',
    ]);
  });

  it('names its place where the error does not', async () => {
    stumbles = [new StoreError('READ_ONLY', 'The store’s file /data/red/x.sqlite cannot be written')];
    share();
    await clock.advance(0);
    assert.equal(lines[0]?.includes('(The store is in'), false);
  });

  it('tells of each change, and of nothing twice', async () => {
    stumbles = [locked(1), locked(1), new StoreError('UNAVAILABLE', 'The disk is full')];
    const store = share();
    const told: string[] = [];
    const off = store.onChange(() => told.push(store.problem?.code ?? 'open'));
    await clock.advance(7_999);
    assert.deepEqual(told, ['LOCKED', 'UNAVAILABLE']);
    await clock.advance(1);
    assert.deepEqual(told, ['LOCKED', 'UNAVAILABLE', 'open']);
    off();
  });

  it('is tried at once when somebody deploys, and not twice at a time', async () => {
    stumbles = [locked(), locked()];
    const store = share();
    store.tryNow();
    await clock.advance(0);
    assert.equal(triedAt.length, 1);
    store.tryNow();
    store.tryNow();
    await clock.advance(0);
    assert.equal(triedAt.length, 2);
    await clock.advance(999);
    assert.equal(triedAt.length, 2);
    await clock.advance(1);
    assert.equal(store.provisioning, provisioning);
    store.tryNow();
    assert.equal(triedAt.length, 3);
  });

  for (const code of ['READ_ONLY', 'UNAVAILABLE', 'INVALID'] as const)
    it(`opens by itself once what made it ${code} has been mended`, async () => {
      stumbles = [new StoreError(code, 'no')];
      const store = share();
      await clock.advance(1_000);
      assert.equal(await store.ready, provisioning);
    });

  for (const error of [
    new StoreError('CORRUPT', 'damaged'),
    new StoreError('NEWER', 'newer'),
    new StoreError('NETWORK_FS', 'nfs'),
    new Error('odd'),
  ])
    it(`is left alone after ${error instanceof StoreError ? error.code : 'an error of another kind'}`, async () => {
      stumbles = [error];
      const store = share();
      await assert.rejects(store.ready, error);
      assert.equal(store.problem?.triesAgain, false);
      assert.equal(clock.pending, 0);
      store.tryNow();
      await clock.advance(100_000);
      assert.equal(triedAt.length, 1);
    });

  it('leaves no timer when it is closed while it waits, and is not tried again', async () => {
    stumbles = [locked(), locked()];
    const store = share();
    await clock.advance(0);
    await store.close();
    assert.equal(clock.pending, 0);
    await assert.rejects(store.ready, /closed before it was open/);
    store.tryNow();
    await clock.advance(100_000);
    assert.equal(triedAt.length, 1);
  });

  it('closes what opens only after it was closed', async () => {
    let open = (): void => undefined;
    stumbles = [new Promise((resolve) => (open = resolve))];
    const store = share();
    const told: string[] = [];
    store.onChange(() => told.push('changed'));
    const closing = store.close();
    open();
    await closing;
    assert.equal(closed, 1);
    assert.deepEqual(told, []);
    assert.equal(store.provisioning, null);
  });

  it('forgets a failure that comes after it was closed', async () => {
    let fail = (): void => undefined;
    stumbles = [new Promise((_, reject) => (fail = () => reject(locked())))];
    const store = share();
    const closing = store.close();
    fail();
    await closing;
    assert.deepEqual([clock.pending, lines.length], [0, 0]);
  });

  describe('behind a network', () => {
    const danger = 'Redis may evict keys. Set noeviction';

    it('is looked at while it is open: says once that it cannot be used, why, and once that it can again', async () => {
      const store = share({ engine: 'redis' });
      const told: (string | null)[] = [];
      store.onChange(() => told.push(store.problem?.message ?? null));
      await clock.advance(0);
      says = { ok: false, detail: 'Redis cannot be reached (ECONNREFUSED).', latencyMs: 1 };
      await clock.advance(20_000);
      assert.equal(store.provisioning, provisioning);
      assert.deepEqual(store.problem, {
        code: 'UNAVAILABLE',
        message: 'Redis cannot be reached (ECONNREFUSED).',
        ownerPid: null,
        triesAgain: true,
      });
      says = { ok: true, detail: 'redis', latencyMs: 1 };
      await clock.advance(5_000);
      assert.equal(store.problem, null);
      assert.deepEqual(told, [null, 'Redis cannot be reached (ECONNREFUSED).', null]);
      assert.deepEqual(lines, [
        'error STORE_UNAVAILABLE: Redis cannot be reached (ECONNREFUSED). It is tried again by itself.',
        'info The store can be used again',
      ]);
    });

    it('warns once of what endangers it, and tells when that has passed', async () => {
      says.warnings = [danger];
      const store = share({ engine: 'redis' });
      await clock.advance(20_000);
      assert.deepEqual([store.problem, store.warnings], [null, [danger]]);
      assert.deepEqual(lines, [`warn The store is in danger: ${danger}`]);
      let told = 0;
      store.onChange(() => (told += 1));
      says = { ...says, warnings: [] };
      await clock.advance(20_000);
      assert.deepEqual([store.warnings, told], [[], 1]);
    });

    it('is looked at no more once it is closed', async () => {
      const store = share({ engine: 'redis' });
      await clock.advance(0);
      const closing = store.close();
      says = { ok: false, detail: 'gone', latencyMs: 1 };
      await closing;
      await clock.advance(60_000);
      assert.deepEqual([clock.pending, lines], [0, []]);
    });
  });

  it('closes what is open, once', async () => {
    const store = share();
    await store.ready;
    await store.close();
    await store.close();
    assert.deepEqual([closed, store.provisioning], [1, null]);
  });
});
