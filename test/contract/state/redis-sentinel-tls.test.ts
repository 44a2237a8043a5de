/** The shared store behind real sentinels, and over TLS. */
import assert from 'node:assert/strict';
import { startSentinel, type Sentinel } from '../../redis-sentinel';
import { until } from '../../until';
import { refused, RedisStores } from './redis-stores';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';
import { anotherCa } from './another-ca';

describe('The shared store', function () {
  this.timeout(60_000);
  const stores = new RedisStores();
  const sentinels: Sentinel[] = [];
  const told: unknown[][] = [];
  const tell = console.error;

  beforeEach(() => {
    told.length = 0;
    console.error = (...words: unknown[]) => void told.push(words);
  });
  afterEach(async () => {
    console.error = tell;
    await stores.letGo();
    await Promise.all(sentinels.splice(0).map((sentinel) => sentinel.stop()));
  });

  it('goes on by itself on the new master that sentinels name, with every write that was confirmed, in doubt', async () => {
    const master = await stores.server();
    const replica = await stores.server({ replicaOf: master.port });
    for (let number = 0; number < 3; number++) sentinels.push(await startSentinel(master.port, 2));
    const watcher = stores.client(`redis://127.0.0.1:${sentinels[0]?.port}`);
    await until('they know the replica and each other', async () => {
      const row = (await watcher.call('SENTINEL', 'master', 'mymaster')) as string[];
      const told = (name: string): number => Number(row[row.indexOf(name) + 1]);
      return told('num-slaves') === 1 && told('num-other-sentinels') === 2;
    });
    await until('the replica follows', async () =>
      /master_link_status:up/.test(await stores.client(replica.url).info()),
    );
    const at = { sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })), masterName: 'mymaster' };
    const store = await stores.open({ url: 'redis://sentinels', ...at });
    const { id } = store;
    await store.setDoubt(null);
    const lease = await store.leases.acquire(`order:${orderOf(1)}`, 60_000);
    assert.ok(lease);
    const confirmed: number[] = [];
    let number = 0;
    const write = async (): Promise<void> => {
      number += 1;
      await store.ledger.record(orderOf(1), { intent: `a${number}`, kind: 'sent', at: number });
      confirmed.push(number);
    };
    for (let times = 0; times < 50; times++) await write();
    await master.kill();
    await assert.rejects(write());
    await until('the new master takes writes', async () => {
      await write();
      return true;
    });
    const entry = await store.ledger.read(orderOf(1));
    const kept = new Set(entry.facts.map((fact) => fact.at));
    assert.deepEqual(
      confirmed.filter((one) => !kept.has(one)),
      [],
    );
    assert.match((await store.doubt())?.reason ?? '', /replica of Redis was promoted/);
    assert.equal(store.id, id);
    // No fence is handed out twice, also where the new master lacks the last one.
    const next = await store.leases.acquire('order:2', 1_000);
    assert.ok(next && next.fence > lease.fence + 1_000);
    assert.equal((await store.inbox.add(eventOf(1), positionOf(1))).isNew, true);
    assert.equal((await store.inbox.take(channel, Date.now()))?.handout, 1);
    assert.deepEqual(told, [], 'nothing is printed');
  });

  it('says that no sentinel can be reached, within its bound, and leaves nothing open', async () => {
    const before = process.getActiveResourcesInfo().length;
    const nobody = { sentinels: [{ host: '127.0.0.1', port: 1 }], masterName: 'mymaster' };
    await refused(stores.open({ url: 'redis://sentinels', ...nobody }), 'UNAVAILABLE', /No Sentinel knows a master/);
    await until('nothing is left open', () => process.getActiveResourcesInfo().length <= before);
  });

  it('prints nothing of a sentinel that is away', async () => {
    const master = await stores.server();
    sentinels.push(await startSentinel(master.port));
    const at = [
      { host: '127.0.0.1', port: sentinels[0]?.port ?? 0 },
      { host: '127.0.0.1', port: 1 },
    ];
    const store = await stores.open({ url: 'redis://sentinels', sentinels: at, masterName: 'mymaster' });
    await store.ledger.write(orderOf(1), 1, stateWith([]));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(told, []);
  });

  it('speaks TLS to a server whose authority is set, and to no other', async () => {
    const server = await stores.server({ tls: true, password: 'secret-1' });
    const store = await stores.open({ url: server.url, ca: server.ca ?? '' });
    await store.ledger.write(orderOf(1), 1, stateWith([]));
    assert.equal((await store.health()).ok, true);
    await refused(
      stores.open({ url: server.url }),
      'UNAVAILABLE',
      /certificate of Redis is not trusted \(\w+\); set the authority/,
    );
    await refused(
      stores.open({ url: server.url, ca: anotherCa }),
      'UNAVAILABLE',
      /certificate of Redis is not trusted/,
    );
    const plain = server.url.replace('rediss:', 'redis:');
    await refused(stores.open({ url: plain }), 'UNAVAILABLE', /Redis/);
    const plainServer = await stores.server();
    const asTls = plainServer.url.replace('redis:', 'rediss:');
    await refused(stores.open({ url: asTls }), 'UNAVAILABLE', /does not answer/);
  });
});
