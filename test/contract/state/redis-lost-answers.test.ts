/** The script ran and its answer was lost: the caller is told that it does not know, and may ask again. */
import assert from 'node:assert/strict';
import type { Fact, InboxEvent, Lease, StateStore } from '../../../lib/state/contract';
import type { RedisServer } from '../../redis-server';
import { TcpBetween } from '../../tcp-between';
import { until } from '../../until';
import { contents, refused, RedisStores } from './redis-stores';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';

const fact: Fact = { intent: 'a1', kind: 'order-seen', whmcsOrderId: 7, at: 5 };

describe('Where an answer of Redis is lost, the shared store', function () {
  this.timeout(30_000);
  const stores = new RedisStores();
  let server: RedisServer;
  let between: TcpBetween;
  let store: StateStore;
  /** Looks on, and has made every script known to the server. */
  let other: StateStore;

  beforeEach(async () => {
    server = await stores.server();
    between = await TcpBetween.open(server.port);
    other = await stores.open(server.url);
    await warm(other);
    store = await stores.open(`redis://127.0.0.1:${between.port}`);
  });
  afterEach(async () => {
    await stores.letGo();
    await between.close();
  });

  /** Every verb once, so that no answer that is lost tells of an unknown script. */
  async function warm({ inbox, ledger, leases, claims, openIntents }: StateStore): Promise<void> {
    const lease = await leases.acquire('order:warm', 30_000);
    await ledger.write('warm', lease?.fence ?? 0, stateWith([]));
    await ledger.record('warm', fact);
    await leases.renew(lease as Lease, 30_000);
    await leases.release(lease as Lease);
    await claims.claim('w', 1, 'warm');
    await openIntents.open('w', 1, 'warm', 'a1');
    await openIntents.close('w', 1, 'warm', 'a1');
    const { id } = await inbox.add(eventOf(90, { channel: 'warm' }), positionOf(1));
    const taken = await inbox.take('warm', Date.now());
    const again = await inbox.handOutAgain(id, taken?.handout ?? 0, 'deploy');
    await inbox.park(id, again?.handout ?? 0, Date.now() + 60_000, 'r', 'w');
    await inbox.wakeNext('w');
    const third = await inbox.take('warm', Date.now());
    await inbox.release(id, third?.handout ?? 0);
    await inbox.recordFailure(id, 3, {});
    await inbox.defer(id, Date.now() + 60_000, 'r');
    await inbox.wake(id);
    await inbox.finish(id, 'any', 'Done', null, Date.now());
    await inbox.retry(id);
    await inbox.finish(id, 'any', 'Done', null, Date.now());
    await other.cursor.write('warm', positionOf(2));
  }

  async function lost(work: () => Promise<unknown>): Promise<void> {
    between.loseNextAnswer();
    const before = between.lost;
    await refused(work(), 'UNAVAILABLE', /connection to Redis is lost/);
    assert.equal(between.lost, before + 1);
    await until('the connection stands again', async () => (await store.health()).ok);
  }

  async function taken(number = 1): Promise<InboxEvent> {
    await store.inbox.add(eventOf(number), positionOf(number));
    const event = await store.inbox.take(channel, Date.now());
    assert.ok(event);
    return event;
  }

  /** Lost once, then asked again. @returns the second answer. The keys are as one asking leaves them. */
  async function twice<T>(work: () => Promise<T>): Promise<T> {
    await lost(work);
    const client = stores.client(server.url);
    const afterFirst = withoutMark(await contents(client));
    const answer = await work();
    assert.deepEqual(withoutMark(await contents(client)), afterFirst);
    return answer;
  }
  const withoutMark = ({ 'sf:{store}': _, ...rest }: Record<string, unknown>): Record<string, unknown> => rest;

  it('adds an event once, and the position with it', async () => {
    const { isNew } = await twice(() => store.inbox.add(eventOf(1), positionOf(1)));
    assert.equal(isNew, false);
    assert.deepEqual(await store.cursor.read(channel), positionOf(1));
    assert.equal((await other.inbox.counts(channel)).waiting, 1);
  });

  it('moves the cursor once', async () => {
    assert.equal(await twice(() => store.cursor.write(channel, positionOf(4))), 'moved');
  });

  it('takes an event that then is known to be in work here, and no other for the same order', async () => {
    await store.inbox.add(eventOf(1));
    await lost(() => store.inbox.take(channel, Date.now()));
    assert.equal(await store.inbox.take(channel, Date.now()), null);
    const [event] = await store.inbox.inWorkHere(channel);
    assert.equal(event?.handout, 1);
    assert.equal((await store.inbox.handOutAgain(event?.id ?? '', 1, 'deploy'))?.handout, 2);
  });

  it('hands an event out again once, under a number that can be looked up', async () => {
    const { id, handout } = await taken();
    await lost(() => store.inbox.handOutAgain(id, handout, 'silence'));
    assert.equal(await store.inbox.handOutAgain(id, handout, 'silence'), null);
    const [event] = await store.inbox.inWorkHere(channel);
    assert.deepEqual([event?.handout, event?.fruitless], [2, 1]);
  });

  it('parks, releases and defers once, and says so when it is asked again', async () => {
    const { id, handout } = await taken();
    assert.equal(await twice(() => store.inbox.park(id, handout, 9_000_000_000_000, 'busy', 'client:1')), 'parked');
    const woken = await store.inbox.wakeNext('client:1');
    assert.equal(woken?.id, id);
    const again = await store.inbox.take(channel, Date.now());
    assert.equal(await twice(() => store.inbox.release(id, again?.handout ?? 0)), 'released');
    assert.equal(await twice(() => store.inbox.defer(id, 9_000_000_000_000, 'later')), true);
  });

  it('wakes the first in the line, so that the next asking wakes the second', async () => {
    for (const number of [1, 2]) {
      const { id, handout } = await taken(number);
      await store.inbox.park(id, handout, Date.now() + 1_000_000, 'busy', 'client:1');
    }
    await lost(() => store.inbox.wakeNext('client:1'));
    assert.equal((await store.inbox.ofOrder(orderOf(1)))[0]?.state, 'waiting');
    assert.equal((await store.inbox.wakeNext('client:1'))?.orderId, orderOf(2));
    assert.equal(await store.inbox.wakeNext('client:1'), null);
  });

  it('ends an event once, and retries it once', async () => {
    const { id, handout } = await taken();
    assert.equal(await twice(() => store.inbox.finish(id, handout, 'Failed', 'why', 5)), 'repeat');
    assert.equal(await twice(() => store.inbox.retry(id)), false);
    assert.deepEqual([(await store.inbox.get(id))?.state, (await store.inbox.get(id))?.handout], ['waiting', 2]);
  });

  it('keeps a fact once, and a state and what is to do once', async () => {
    const lease = await store.leases.acquire(`order:${orderOf(1)}`, 30_000);
    const fence = lease?.fence ?? 0;
    assert.equal(await twice(() => store.ledger.write(orderOf(1), fence, stateWith(['settle']))), 'written');
    await twice(() => store.ledger.record(orderOf(1), fact));
    assert.deepEqual((await other.ledger.read(orderOf(1))).facts, [fact]);
    assert.deepEqual(await other.ledger.withTodo('settle', 9), [orderOf(1)]);
  });

  it('claims for the one that asked', async () => {
    assert.deepEqual(await twice(() => store.claims.claim('w', 9, orderOf(1))), { by: orderOf(1), isNew: false });
  });

  it('opens and closes an intent once', async () => {
    await twice(() => store.openIntents.open('w', 9, orderOf(1), 'a1'));
    assert.equal((await other.openIntents.of('w', 9)).length, 1);
    await twice(() => store.openIntents.close('w', 9, orderOf(1), 'a1'));
    assert.deepEqual(await other.openIntents.of('w', 9), []);
  });

  it('has a lease that nobody knows of, which ends by itself', async () => {
    await lost(() => store.leases.acquire('order:1', 400));
    assert.equal(await store.leases.acquire('order:1', 400), null);
    await until('it has run out', async () => (await store.leases.acquire('order:1', 400)) !== null);
  });

  it('renews and gives back a lease', async () => {
    const lease = (await store.leases.acquire('order:1', 30_000)) as Lease;
    await lost(() => store.leases.renew(lease, 30_000));
    assert.equal(await store.leases.renew(lease, 30_000), true);
    await lost(() => store.leases.release(lease));
    assert.equal(await store.leases.release(lease), false);
    assert.ok(await other.leases.acquire('order:1', 30_000));
  });

  it('lets nothing take effect that arrives after a later answer was read', async () => {
    const lease = (await store.leases.acquire(`order:${orderOf(1)}`, 30_000)) as Lease;
    await store.ledger.write(orderOf(1), lease.fence, stateWith(['first']));
    await store.inbox.add(eventOf(1));
    between.holdRequests();
    const late = [
      store.ledger.write(orderOf(1), lease.fence, stateWith(['late'])),
      store.inbox.take(channel, Date.now()),
      store.leases.acquire('order:other', 30_000),
      store.ledger.record(orderOf(1), fact),
    ];
    await until('they are on their way', () => between.heldBytes > 0);
    between.cutClients();
    await Promise.all(late.map((work) => refused(work, 'UNAVAILABLE', /connection to Redis is lost/)));
    await until('the connection stands again', async () => (await store.health()).ok);
    await store.ledger.write(orderOf(1), lease.fence, stateWith(['second']));
    await between.deliverLate();
    const entry = await other.ledger.read(orderOf(1));
    assert.deepEqual([entry.state, entry.facts], [stateWith(['second']), []]);
    assert.equal((await other.inbox.counts(channel)).inWork, 0);
    assert.ok(await other.leases.acquire('order:other', 30_000));
  });
});
