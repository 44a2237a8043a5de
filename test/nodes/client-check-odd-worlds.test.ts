/** whmcs-client-check in an org that lacks what is read, with a WHMCS of another age, and with names that nobody expects. */
import assert from 'node:assert/strict';
import type { DryRunEntry } from '../../lib/provisioning/dry-run';
import type { Message } from '../../lib/provisioning/message';
import { catching, flowOf, node, type FlowNode } from './flow';
import { seat, useWorld, type EventMessage } from './world';

const northwind = 'Northwind Traders';

describe('whmcs-client-check, in odd worlds', function () {
  this.timeout(60_000);
  const world = useWorld();

  const flow = (...change: FlowNode[]): FlowNode[] =>
    flowOf(
      node('source', { enabled: false, wires: [['get']] }),
      node('get', { wires: [['client'], ['skipped']] }),
      node('client', { wires: [['mapping']] }),
      node('mapping', { wires: [['add'], ['failed']] }),
      node('add', { wires: [['failed']] }),
      node('failed'),
      node('skipped'),
      node('control'),
      ...catching(true),
      ...change,
    );
  const load = async (...change: FlowNode[]): Promise<void> => {
    await world.load(flow(...change));
    await world.useSalesforce();
    await world.provisioning();
    // The store is older than any order, by any clock.
    world.salesforce.panel.advance(60_000);
    world.clock.advance(60_000);
  };
  const made = () => world.whmcs.panel.ledger('orderCreated');
  const eventOf = async ({ event }: EventMessage) => (await world.provisioning()).store.inbox.get(event.id);
  const orderOf = (id: unknown) => world.salesforce.people.order(String(id));
  const dryRun = async (id: string): Promise<DryRunEntry> => {
    const message = { topic: 'dry run', payload: id } as unknown as Message;
    const { sent } = await world.pass('control', message);
    const [entry] = (sent[0]?.message.payload ?? []) as DryRunEntry[];
    assert.ok(entry);
    return entry;
  };
  const account = (fields: Record<string, string>, name = northwind): void => {
    const id = world.salesforce.people.records('Account').find((one) => one['Name'] === name)?.['Id'];
    world.salesforce.people.putRecord({ type: 'Account', id: String(id), fields });
  };

  describe('of an org that lacks what is read of the Account', () => {
    const lacks: [what: string, lack: () => void, words: RegExp][] = [
      [
        'the field',
        () => world.salesforce.panel.switches({ missingFields: ['Account.WH_Account__c'] }),
        /^INVALID_FIELD: .*WH_Account__c \(account\) does not exist/,
      ],
      [
        'the right to the field',
        () => world.salesforce.panel.switches({ hiddenFields: ['Account.WH_Account__c'] }),
        /^INVALID_FIELD: .*WH_Account__c/,
      ],
      [
        'the object',
        () =>
          world.salesforce.panel.fault({
            call: 'query',
            times: 0,
            do: {
              kind: 'error',
              errorCode: 'INVALID_FIELD',
              message: "Didn't understand relationship 'Account' in field path.",
            },
          }),
        /^INVALID_FIELD: .*Account/,
      ],
    ];
    for (const [what, lack, words] of lacks) {
      it(`lets orders wait that need ${what}, says which, and fails none`, async () => {
        await load();
        const id = world.approve();
        const message = await world.handOut(id);
        lack();
        const { sent, error } = await world.pass('get', message);
        assert.deepEqual([sent, error], [[], null]);
        const event = await eventOf(message);
        assert.equal(event?.state, 'parked');
        assert.match((event?.reason ?? '').replace(/^SF_QUERY: /, ''), words);
        assert.equal(orderOf(id)['Activation_Status__c'], 'Activating');
        assert.deepEqual(world.whmcs.panel.requests(), []);
        const { ok, faults, body } = await dryRun(id);
        assert.deepEqual(
          [ok, body, faults.map(({ code, owner }) => [code, owner])],
          [false, null, [['SF_QUERY', 'Salesforce admin']]],
        );
        assert.match(faults[0]?.message ?? '', words);
      });
    }
  });

  describe('of a WHMCS of another version', () => {
    for (const [version, unknownActionStatus] of [
      ['7.2', 200],
      ['7.7', 200],
      ['7.7', 404],
    ] as const) {
      it(`lets orders wait where it cannot tell of payment methods (${version}, ${unknownActionStatus}), until it can`, async () => {
        await load();
        world.whmcs.panel.switches({ version, unknownActionStatus });
        const id = world.approve();
        const message = (await world.through(['get'], await world.handOut(id))) as EventMessage;
        const { sent, error } = await world.pass('client', message);
        assert.deepEqual([sent, error], [[], null], 'no order fails for it, and none is let through unlooked at');
        const event = await eventOf(message);
        assert.equal(event?.state, 'parked');
        assert.match(event?.reason ?? '', /^WHMCS_CONFIG: GetPayMethods: This WHMCS has no action GetPayMethods/);
        const { faults } = await dryRun(id);
        assert.deepEqual(
          faults.filter(({ step }) => step === 'validation').map(({ code }) => code),
          ['WHMCS_CONFIG'],
        );
        world.whmcs.panel.switches({ version: '8.5' });
        world.clock.advance(Math.max(0, (event?.notBefore ?? 0) - world.clock.now()));
        await world.through(['get', 'client', 'mapping', 'add'], await world.handOutNext());
        assert.equal(made().length, 1);
      });
    }

    for (const version of ['8.5', '8.11', '9.0'] as const) {
      it(`finds the client and what it pays by in the answers of ${version}, in strings as in numbers`, async () => {
        await load();
        for (const numbers of ['strings', 'numbers'] as const) {
          world.whmcs.panel.switches({ version, numbers });
          const { client } = await world.through(['get', 'client'], await world.handOut(world.approve()));
          assert.deepEqual(client, {
            id: 1001,
            source: 'account',
            status: 'Active',
            currency: 'USD',
            paymentMethod: 'mailin',
          });
        }
      });
    }
  });

  describe('of names', () => {
    const html = '<img src=x onerror="alert(1)">&amp;<script>alert(2)</script>';
    const names: [what: string, name: string][] = [
      ['of HTML', html],
      ['of emoji', '👩‍👩‍👧‍👦'.repeat(23)],
      ['of 255 characters', 'Ž'.repeat(255)],
      ['of HTML and 255 characters', html.padEnd(255, '<b>')],
    ];
    for (const [what, name] of names) {
      it(`${what}, finds the client, and orders`, async () => {
        await load();
        world.whmcs.office.putClient({
          id: 1001,
          firstName: name,
          lastName: name.repeat(3),
          company: name.repeat(3),
          status: 'Inactive',
        });
        account({ Name: name, WH_Account__c: `#1001 - ${name}`.slice(0, 255) });
        const id = world.salesforce.people.createOrder({ account: name, items: seat }).id;
        const entry = await dryRun(id);
        assert.equal(entry.creates?.client.id, 1001);
        world.salesforce.people.approve(id);
        const { client } = await world.through(['get', 'client', 'mapping', 'add'], await world.handOut(id));
        assert.equal(client?.id, 1001);
        assert.deepEqual(
          made().map(({ clientId }) => clientId),
          [1001],
        );
        const said = [client?.warning, entry.text, ...world.lines('warn'), ...entry.notes].join();
        assert.ok(!/[<>]|�/.test(said), said);
      });

      it(`${what}, says of an Account that names no client what Salesforce can hold`, async () => {
        await load();
        account({ Name: name, WH_Account__c: name });
        const id = world.salesforce.people.createOrder({ account: name, items: seat }).id;
        const { text } = await dryRun(id);
        assert.ok(text.length <= 500 && !/[\uD800-\uDBFF]$/.test(text));
        world.salesforce.people.approve(id);
        const message = await world.through(['get'], await world.handOut(id));
        const { error, caught } = await world.pass('client', message);
        assert.equal(error?.code, 'CLIENT_NOT_MAPPED');
        await world.pass('failed', caught as Message);
        await world.until('Salesforce shows Failed', () => orderOf(id)['Activation_Status__c'] === 'Failed');
        const shown = String(orderOf(id)['Activation_Error_Message__c']);
        assert.ok(shown.length <= 255 && shown.length > 60, shown);
        assert.ok(!/<\s*(?:img|script|b)\b/i.test(shown), shown);
        assert.match(shown, /^Account .*WH_Account__c is not understood/);
        assert.ok((world.status('client')?.text ?? '').length < 60);
        assert.deepEqual(made(), []);
      });
    }
  });
});
