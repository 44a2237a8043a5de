/** The doubt of the shared store, noticed by an instance whose clock is slow, for the instances of other hosts. */
import assert from 'node:assert/strict';
import type Redis from 'ioredis';
import type { StateStore } from '../../../lib/state/contract';
import { FakeClock } from '../../fake-clock';
import type { RedisServer } from '../../redis-server';
import { until } from '../../until';
import { RedisStores } from './redis-stores';

const hourMs = 3_600_000;
/** A clock of ours stands still while a connection is opened, and that of Redis goes on meanwhile. */
const openedWithinMs = 60_000;

describe('The doubt of the shared store, noticed by a clock that is an hour slow', function () {
  this.timeout(60_000);
  const stores = new RedisStores();
  let server: RedisServer;
  let client: Redis;
  let slowClock: FakeClock;
  let slow: StateStore;
  /** A right clock, before the doubt was noticed. */
  let from: number;

  beforeEach(async () => {
    server = await stores.server();
    client = stores.client(server.url);
    slowClock = new FakeClock(Date.now() - 2 * hourMs);
    // Longer up than the hosts of the others.
    await slowClock.advance(hourMs);
    from = Date.now();
    slow = await stores.open(server.url, { clock: slowClock });
  });

  const endOf = async (store: StateStore): Promise<number> => (await store.doubt())?.until ?? NaN;
  const isWhenNoticed = (end: number): void =>
    assert.ok(end >= from - openedWithinMs && end <= Date.now(), `${end - from} ms`);

  it('ends when it was noticed by the clock of each, and stays so', async () => {
    const clock = new FakeClock(Date.now());
    const other = await stores.open(server.url, { clock });
    const end = await endOf(other);
    isWhenNoticed(end);
    assert.equal(await endOf(slow), slowClock.now());
    await clock.advance(3 * hourMs);
    assert.equal(await endOf(other), end);
    const later = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    isWhenNoticed(await endOf(later));
  });

  it('ends so also where the clock of Redis was slow with it, and was set right since', async () => {
    const before = Number(await client.hget('sf:{store}', 'doubtTime'));
    await client.hset('sf:{store}', 'doubtTime', before - hourMs);
    slowClock.setWall(Date.now());
    // By the uptime of the host that has noticed it, and for the others too.
    isWhenNoticed(await endOf(slow));
    assert.ok(Number(await client.hget('sf:{store}', 'doubtTime')) >= before);
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    isWhenNoticed(await endOf(other));
  });

  it('ends so also for others that ask first: the beats of the host that has noticed it put the time of Redis right', async () => {
    await client.hincrby('sf:{store}', 'doubtTime', -hourMs);
    slowClock.setWall(Date.now());
    await slowClock.advance(30_000);
    await until(
      'the beats have done so',
      async () => Number(await client.hget('sf:{store}', 'doubtTime')) > from - hourMs / 2,
    );
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    isWhenNoticed(await endOf(other));
  });

  it('is no older than by the time of Redis, where a container of its host has a longer uptime of its own', async () => {
    const clock = new FakeClock(Date.now() - 2 * hourMs);
    await clock.advance(2 * hourMs);
    isWhenNoticed(await endOf(await stores.open(server.url, { clock })));
  });

  it('ends no later where the clock of Redis was set back, than at the first look after it', async () => {
    await client.hincrby('sf:{store}', 'doubtTime', hourMs);
    const clock = new FakeClock(Date.now());
    const other = await stores.open(server.url, { clock });
    const end = await endOf(other);
    isWhenNoticed(end);
    await clock.advance(hourMs);
    assert.equal(await endOf(other), end);
  });

  it('ends as an operator has said', async () => {
    await slow.setDoubt({ reason: 'backup of Monday', until: 12_345 });
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    assert.equal(await endOf(other), 12_345);
  });

  it('is one anew, with a time of its own, when the records of an order are missed', async () => {
    await slow.setDoubt(null);
    await slow.ledger.write('801', 1, { format: 1, todo: [] });
    await client.del(await client.keys('sf:{o:*'));
    await slow.ledger.read('801');
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    isWhenNoticed(await endOf(other));
  });
});
