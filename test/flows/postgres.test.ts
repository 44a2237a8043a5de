/** The reference flow with its id mappings in PostgreSQL, which goes away and comes back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { referenceFlow } from '../../scripts/demo/node-red';
import { postgresPassword, startPostgres } from '../postgres-server';
import { scenario } from './side-by-side';

const shipped = readFileSync(join(__dirname, '../../postgres/id_mappings.sql'), 'utf8');

describe('The reference flow with id mappings in PostgreSQL', () => {
  scenario('provisions by them, waits while PostgreSQL is away, and makes each order once', async (world) => {
    const server = await startPostgres();
    try {
      const account = world.salesforce.people.records('Account').find((one) => one['Name'] === 'Nobody Knows GmbH');
      const client = new Client({ connectionString: server.url });
      await client.connect();
      await client.query(shipped);
      await client.query('INSERT INTO id_mappings VALUES ($1, 1003, NULL)', [account?.['Id']]);
      await client.end();
      await world.start(referenceFlow(), { env: { DATABASE_URL: server.url } });
      const approve = (): string => {
        const items = [{ code: 'SEAT-M', quantity: 1 }];
        const { id } = world.salesforce.people.createOrder({ account: 'Nobody Knows GmbH', items });
        world.salesforce.people.approve(id);
        return id;
      };
      const shown = (id: string) => world.salesforce.people.order(id);
      const first = approve();
      await world.ended(first, 60);
      assert.equal(shown(first)['Activation_Status__c'], 'Activated');

      await server.stopOnly();
      const second = approve();
      await world.until('the Order says why it waits', () => {
        return shown(second)['Activation_Error_Code__c'] === 'ID_MAPPINGS_UNAVAILABLE';
      });
      assert.equal(shown(second)['Activation_Status__c'], 'Activating');
      const { status, body } = await world.get('/health');
      assert.deepEqual([status, (body as { database: string }).database], [503, 'down']);

      await server.restart();
      await world.ended(second, 60);
      assert.equal(shown(second)['Activation_Status__c'], 'Activated');
      assert.equal(shown(second)['Activation_Error_Code__c'], null);
      assert.deepEqual(
        world.whmcs.panel.ledger('orderCreated').map((entry) => entry['clientId']),
        [1003, 1003],
      );
      const everything = `${world.output.join('\n')}${JSON.stringify(body)}`;
      assert.equal(everything.includes(postgresPassword) || everything.includes(`:${server.port}`), false);
    } finally {
      await world.stop();
      await server.stop();
    }
  });

  scenario(
    'waits while the table is not as it was described, or somebody holds it, and fails no order for that',
    async (world) => {
      const server = await startPostgres();
      const client = new Client({ connectionString: server.url });
      try {
        await client.connect();
        await client.query('CREATE TABLE id_mappings (account text, client int)');
        await world.start(referenceFlow(), { env: { DATABASE_URL: server.url } });
        const waits = async (id: string, words: RegExp): Promise<void> => {
          await world.until('the Order says why it waits', () => {
            return world.order(id)['Activation_Error_Code__c'] === 'ID_MAPPINGS_UNAVAILABLE';
          });
          assert.equal(world.status(id), 'Activating');
          assert.match(String(world.order(id)['Activation_Error_Message__c']), words);
          const { status, body } = await world.get('/health');
          const { database, problems } = body as { database: string; problems: string[] };
          assert.deepEqual([status, database], [503, 'down']);
          assert.match(problems.join(), words);
          assert.deepEqual(world.whmcs.panel.requests('GetClientsDetails').length, reads);
        };
        let reads = 0;
        const first = world.approve('Northwind Traders', [{ code: 'SEAT-M', quantity: 1 }]);
        await waits(first, /lacks one of the columns/);
        await client.query(`DROP TABLE id_mappings; ${shipped}`);
        assert.equal(await world.ended(first, 60), 'Activated');

        reads = world.whmcs.panel.requests('GetClientsDetails').length;
        await client.query('BEGIN; LOCK TABLE id_mappings IN ACCESS EXCLUSIVE MODE');
        const second = world.approve('Northwind Traders', [{ code: 'SEAT-M', quantity: 1 }]);
        await waits(second, /does not answer in time/);
        await client.query('ROLLBACK');
        assert.equal(await world.ended(second, 60), 'Activated');
        for (const id of [first, second]) world.assertActivatedOnce(id);
      } finally {
        await client.end();
        await world.stop();
        await server.stop();
      }
    },
  );
});
