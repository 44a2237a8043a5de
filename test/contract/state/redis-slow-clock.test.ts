/** The doubt of the shared store, noticed by an instance whose clock is slow, for the instances of other hosts. */
import assert from 'node:assert/strict';
import type Redis from 'ioredis';
import type { StateStore } from '../../../lib/state/contract';
import { FakeClock } from '../../fake-clock';
import type { RedisServer } from '../../redis-server';
import { RedisStores } from './redis-stores';

const hourMs = 3_600_000;

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

  const until = async (store: StateStore): Promise<number> => (await store.doubt())?.until ?? NaN;

  it('ends when it was noticed by the clock of each, and stays so', async () => {
    const clock = new FakeClock(Date.now());
    const other = await stores.open(server.url, { clock });
    const end = await until(other);
    assert.ok(end >= from - 1 && end <= Date.now(), `${end - from}`);
    assert.equal(await until(slow), slowClock.now());
    await clock.advance(3 * hourMs);
    assert.equal(await until(other), end);
    const later = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    assert.ok((await until(later)) >= from - 1);
  });

  it('ends so also where the clock of Redis was slow with it, and was set right since', async () => {
    const before = Number(await client.hget('sf:{store}', 'doubtTime'));
    await client.hset('sf:{store}', 'doubtTime', before - hourMs);
    slowClock.setWall(Date.now());
    const end = await until(slow);
    assert.ok(end >= from - 1, 'by the uptime of the host that has noticed it');
    assert.ok(Number(await client.hget('sf:{store}', 'doubtTime')) >= before, 'for the others too');
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    assert.ok((await until(other)) >= from - 1);
  });

  it('ends no later where the clock of Redis was set back, than at the first look after it', async () => {
    await client.hincrby('sf:{store}', 'doubtTime', hourMs);
    const clock = new FakeClock(Date.now());
    const other = await stores.open(server.url, { clock });
    const end = await until(other);
    assert.ok(end >= from - 1 && end <= Date.now());
    await clock.advance(hourMs);
    assert.equal(await until(other), end);
  });

  it('ends as an operator has said', async () => {
    await slow.setDoubt({ reason: 'backup of Monday', until: 12_345 });
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    assert.equal(await until(other), 12_345);
  });

  it('is one anew, with a time of its own, when the records of an order are missed', async () => {
    await slow.setDoubt(null);
    await slow.ledger.write('801', 1, { format: 1, todo: [] });
    await client.del(await client.keys('sf:{o:*'));
    await slow.ledger.read('801');
    const other = await stores.open(server.url, { clock: new FakeClock(Date.now()) });
    assert.ok((await until(other)) >= from - 1);
  });
});
