/** Id mappings in PostgreSQL as a flow uses them: found, waited for, told of, and judged by both vendors' books. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { Health } from '../../lib/provisioning/health';
import type { Message } from '../../lib/provisioning/message';
import { startPostgres, postgresPassword, type PostgresServer } from '../postgres-server';
import { catching, flowOf, node, type FlowNode } from './flow';
import { useWorld, type EventMessage } from './world';

const shipped = readFileSync(join(__dirname, '../../postgres/id_mappings.sql'), 'utf8');
const minute = 60_000;

describe('id mappings in PostgreSQL, in a flow', function () {
  this.timeout(120_000);
  const world = useWorld();
  let server: PostgresServer;

  before(async () => (server = await startPostgres()));
  after(() => server.stop());
  beforeEach(() => world.set({ DATABASE_URL: server.url }));
  afterEach(async () => {
    assert.ok(!world.watch.shown.includes(postgresPassword), 'the password is shown nowhere');
    await sql('DROP TABLE IF EXISTS id_mappings; DROP SCHEMA IF EXISTS portal CASCADE');
  });

  const sql = async (text: string, values: unknown[] = []): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      await (values.length > 0 ? client.query(text, values) : client.query(text));
    } finally {
      await client.end();
    }
  };
  const link = (clientId: number, account: string): Promise<void> =>
    sql('INSERT INTO id_mappings (whmcs_client_id, sf_account_id) VALUES ($1, $2)', [clientId, account]);
  const flow = (store: Partial<FlowNode> = {}): FlowNode[] =>
    flowOf(node('store', store), node('get'), node('client'), node('failed'), node('health'), ...catching(true));
  const accountId = (name: string): string =>
    String(world.salesforce.people.records('Account').find((account) => account['Name'] === name)?.['Id']);
  const arriving = async (orderId: string): Promise<EventMessage> => {
    await world.useSalesforce();
    return (await world.through(['get'], await world.handOut(orderId))) as EventMessage;
  };
  const health = async (): Promise<{ status: number; body: Health }> => {
    world.clock.advance(2_000);
    const { sent } = await world.pass('health', {} as Message);
    const out = sent[0]?.message;
    world.answers.push(JSON.stringify(out?.payload));
    return { status: out?.['statusCode'] as number, body: out?.payload as Health };
  };
  const eventOf = async ({ event }: EventMessage) => (await world.provisioning()).store.inbox.get(event.id);

  it('finds the client there where DATABASE_URL is set, before the Account’s field', async () => {
    await sql(shipped);
    await link(1003, accountId('Nobody Knows GmbH'));
    await world.load(flow());
    const { sent } = await world.pass('client', await arriving(world.approve('Nobody Knows GmbH')));
    assert.deepEqual([sent[0]?.message.client?.id, sent[0]?.message.client?.source], [1003, 'id_mappings']);
    assert.equal((await health()).body.database, 'ok');
    assert.deepEqual(world.status('store') ?? {}, {});
  });

  it('fails as CLIENT_MAPPING_CONFLICT where it and the Account differ', async () => {
    await sql(shipped);
    await link(1002, accountId('Northwind Traders'));
    await world.load(flow());
    const { error } = await world.pass('client', await arriving(world.approve('Northwind Traders')));
    assert.equal(error?.code, 'CLIENT_MAPPING_CONFLICT');
    assert.match(error?.message ?? '', /id_mappings says WHMCS client 1002, WH_Account__c says 1001/);
  });

  it('reads a table of the portal by the names that the store node describes', async () => {
    await sql(`CREATE SCHEMA portal; CREATE TABLE portal."IdMapping" ("whmcsId" int, "accountId" text);
      INSERT INTO portal."IdMapping" VALUES (1003, '${accountId('Nobody Knows GmbH').slice(0, 15)}')`);
    const described = {
      idMappings: 'postgres',
      mappingTable: 'portal.IdMapping',
      accountColumn: 'accountId',
      clientColumn: 'whmcsId',
      portalColumn: '',
    };
    await world.load(flow(described));
    const { sent } = await world.pass('client', await arriving(world.approve('Nobody Knows GmbH')));
    assert.equal(sent[0]?.message.client?.id, 1003);
  });

  it('uses neither PostgreSQL nor the store’s table where none is chosen', async () => {
    await world.load(flow({ idMappings: 'none' }));
    const message = await arriving(world.approve('Northwind Traders'));
    const { store } = await world.provisioning();
    await store.idMappings.put({ portalUserId: null, whmcsClientId: 9, sfAccountId: accountId('Northwind Traders') });
    const { sent } = await world.pass('client', message);
    assert.deepEqual([sent[0]?.message.client?.id, sent[0]?.message.client?.source], [1001, 'account']);
  });

  it('takes another table after a deploy, on the same store', async () => {
    await sql(shipped);
    await link(1003, accountId('Nobody Knows GmbH'));
    await world.load(flow({ idMappings: 'embedded' }));
    const first = await world.pass('client', await arriving(world.approve('Nobody Knows GmbH')));
    assert.equal(first.error?.code, 'CLIENT_NOT_MAPPED');
    await world.deploy(flow({ idMappings: 'postgres' }), 'full');
    const { sent } = await world.pass('client', await arriving(world.approve('Nobody Knows GmbH')));
    assert.equal(sent[0]?.message.client?.id, 1003);
  });

  it('names the variable that is missing where PostgreSQL is chosen, and shows no wrong address', async () => {
    world.set({ DATABASE_URL: undefined });
    await world.load(flow({ idMappings: 'postgres' }));
    assert.deepEqual(world.status('store'), { fill: 'red', shape: 'ring', text: 'DATABASE_URL' });
    world.set({ DATABASE_URL: `mysql://x:${postgresPassword}@host/db` });
    await world.deploy(flow({ idMappings: 'postgres', name: 'again' }), 'full');
    assert.match(world.lines('error', 'store').at(-1) ?? '', /DATABASE_URL must be a PostgreSQL address/);
    await world.deploy(flow({ idMappings: 'postgres', mappingTable: 'ids; DROP TABLE x' }), 'full');
    assert.equal(world.lines('error', 'store').length, 3);
  });

  for (const [what, prepare, words, status] of [
    ['is down', () => server.stopOnly(), /PostgreSQL cannot be reached \(ECONNREFUSED\)/, 'PostgreSQL not reachable'],
    ['has no such table', () => Promise.resolve(), /has no table id_mappings/, 'table of id mappings'],
  ] as const) {
    it(`lets orders wait while PostgreSQL ${what}: health, status and Order say so, and no call is made`, async () => {
      await prepare();
      try {
        await world.load(flow());
        const orderId = world.approve('Northwind Traders');
        const message = await arriving(orderId);
        const { sent, error } = await world.pass('client', message);
        assert.deepEqual([sent, error], [[], null]);
        const event = await eventOf(message);
        assert.equal(event?.state, 'parked');
        assert.match(event?.reason ?? '', words);
        assert.deepEqual(world.status('store'), { fill: 'red', shape: 'ring', text: `${status}, orders wait` });
        const { body, status: code } = await health();
        assert.deepEqual([code, body.status, body.database], [503, 'down', 'down']);
        assert.match(body.problems.join('\n'), /^database: id mappings cannot be read, orders wait: /);
        assert.match(body.problems.join('\n'), words);
        await world.until('the Order says why', () => {
          const order = world.salesforce.people.order(orderId);
          return order['Activation_Error_Code__c'] === 'ID_MAPPINGS_UNAVAILABLE';
        });
        const order = world.salesforce.people.order(orderId);
        assert.equal(order['Activation_Status__c'], 'Activating');
        assert.match(String(order['Activation_Error_Message__c']), words);
        assert.equal(world.whmcs.panel.requests().length, 0);
      } finally {
        await server.restart();
      }
      await sql(shipped);
      world.clock.advance(minute);
      const again = await world.through(['get'], await world.handOutNext());
      const { sent } = await world.pass('client', again);
      assert.equal(sent[0]?.message.client?.id, 1001);
      assert.equal((await health()).body.database, 'ok');
      assert.deepEqual(world.status('store') ?? {}, {});
    });
  }

  it('fails an order after half an hour with a code of its own', async () => {
    await world.load(flow());
    const orderId = world.approve('Northwind Traders');
    let message = await arriving(orderId);
    for (let waited = 0; ; waited += minute) {
      assert.ok(waited <= 31 * minute, 'it has an end');
      const { error } = await world.pass('client', message);
      if (error) {
        assert.equal(error.code, 'ID_MAPPINGS_UNAVAILABLE');
        assert.ok(waited >= 30 * minute);
        break;
      }
      world.clock.advance(minute);
      message = (await world.through(['get'], await world.handOutNext())) as EventMessage;
    }
    assert.equal(world.whmcs.panel.requests().length, 0);
  });
});
