/** What a client can pay with: in every shape that WHMCS has for it, awaited or not, and by which gateway WHMCS is asked. */
import assert from 'node:assert/strict';
import type { Message } from '../../lib/provisioning/message';
import { catching, flowOf, node, type FlowNode } from './flow';
import { useWorld, type EventMessage } from './world';

const minute = 60_000;
const hour = 60 * minute;

describe('whmcs-client-check, of what a client can pay with', function () {
  this.timeout(60_000);
  const world = useWorld();

  const flow = (client: Partial<FlowNode> = {}, whmcs: Partial<FlowNode> = {}): FlowNode[] =>
    flowOf(
      node('whmcs', whmcs),
      node('get'),
      node('client', client),
      node('mapping'),
      node('add'),
      node('failed'),
      ...catching(true),
    );
  const arriving = async (account: string): Promise<EventMessage> => {
    await world.useSalesforce();
    return (await world.through(['get'], await world.handOut(world.approve(account)))) as EventMessage;
  };
  const again = async (): Promise<EventMessage> =>
    (await world.through(['get'], await world.handOutNext())) as EventMessage;
  const eventOf = async ({ event }: EventMessage) => (await world.provisioning()).store.inbox.get(event.id);
  const orderOf = (message: EventMessage) => world.salesforce.people.order(String(message.order?.id));
  const made = () => world.whmcs.panel.ledger('orderCreated');
  const card = { id: 900, type: 'CreditCard', expiry: null };
  const notes = (message: EventMessage) =>
    world.salesforce.panel
      .ledger('orderWritten')
      .filter(
        (entry) => entry['orderId'] === message.order?.id && 'Activation_Error_Code__c' in (entry['fields'] as object),
      );

  for (const emptyList of ['inner', 'array', 'string', 'object', 'missing', 'null'] as const) {
    it(`finds none in an empty list that WHMCS writes as: ${emptyList}`, async () => {
      world.whmcs.panel.switches({ emptyList });
      await world.load(flow());
      const { error } = await world.pass('client', await arriving('Cashless Ltd'));
      assert.equal(error?.code, 'PAYMENT_METHOD_MISSING');
      assert.match(error?.message ?? '', /^409: /);
      assert.deepEqual(made(), []);
    });
  }

  for (const oneItemList of ['array', 'object', 'numericKeys'] as const) {
    for (const numbers of ['documented', 'strings', 'numbers'] as const) {
      it(`finds the one that is there, written as: ${oneItemList}, ${numbers}`, async () => {
        world.whmcs.panel.switches({ oneItemList, numbers });
        world.whmcs.office.putClient({ id: 1001, payMethods: [card] });
        await world.load(flow());
        const { sent, error } = await world.pass('client', await arriving('Northwind Traders'));
        assert.equal(error, null);
        assert.equal(sent[0]?.message.client?.id, 1001);
      });
    }
  }

  it('takes a bank account, a token of a gateway and one good card beside an expired one', async () => {
    await world.load(flow());
    const expired = { id: 1, type: 'CreditCard', expiry: '01/20' };
    for (const payMethods of [
      [{ id: 2, type: 'BankAccount' }],
      [{ id: 3, type: 'RemoteBankAccount', gateway: 'stripe' }],
      [{ id: 4, type: 'RemoteCreditCard', gateway: 'stripe', expiry: '12/98' }],
      [expired, { id: 5, type: 'CreditCard', expiry: '12/98' }],
    ]) {
      world.whmcs.office.putClient({ id: 1001, payMethods });
      const { sent } = await world.pass('client', await arriving('Northwind Traders'));
      assert.equal(sent[0]?.message.client?.id, 1001, JSON.stringify(payMethods));
    }
    world.whmcs.office.putClient({ id: 1001, payMethods: [expired, { ...expired, id: 6 }] });
    const { error } = await world.pass('client', await arriving('Northwind Traders'));
    assert.equal(error?.code, 'PAYMENT_METHOD_EXPIRED');
  });

  it('lets an inactive client order, with a warning that people see, and no closed one', async () => {
    await world.load(flow());
    world.whmcs.office.putClient({ id: 1001, status: 'Inactive' });
    const { sent } = await world.pass('client', await arriving('Northwind Traders'));
    assert.equal(sent[0]?.message.client?.status, 'Inactive');
    const words = 'WHMCS client 1001 is Inactive: WHMCS takes its orders all the same';
    const { fill, text } = world.status('client') ?? {};
    assert.deepEqual(
      [fill, text?.startsWith(`${sent[0]?.message.order?.number} WHMCS client 1001 is`)],
      ['yellow', true],
    );
    assert.ok(world.lines('warn', 'client').some((line) => line.includes(words)));
    assert.match(sent[0]?.message.provisioning?.steps.at(-1)?.detail ?? '', /^WHMCS client 1001 \(Inactive\)/);
    world.whmcs.office.putClient({ id: 1001, status: 'Closed' });
    const { error } = await world.pass('client', await arriving('Northwind Traders'));
    assert.equal(error?.code, 'CLIENT_CLOSED');
  });

  it('warns of a client whose stored methods are all of other gateways than that of its order, and orders', async () => {
    world.set({ WHMCS_PAYMENT_METHOD: 'stripe' });
    const remote = { id: 3, type: 'RemoteCreditCard', gateway: 'authorize & co', expiry: '12/98' };
    world.whmcs.office.putClient({ id: 1001, payMethods: [remote, { ...remote, id: 4, type: 'RemoteBankAccount' }] });
    await world.load(flow());
    const message = await arriving('Northwind Traders');
    const { client, provisioning, order } = await world.through(['client', 'mapping', 'add'], message);
    const words = 'WHMCS client 1001 pays by stripe, and has no stored payment method of it (only of authorize & co). ';
    assert.ok(client?.warning?.startsWith(words), client?.warning);
    assert.ok(world.lines('warn', 'client').some((line) => line.includes(words)));
    assert.ok(provisioning?.steps.some(({ detail }) => /pays by stripe, has nothing stored of it$/.test(detail)));
    const { fill, text } = world.status('client') ?? {};
    assert.deepEqual([fill, text?.startsWith(`${order?.number} WHMCS client 1001 pays`)], ['yellow', true]);
    assert.deepEqual(
      world.whmcs.office.orders().map(({ paymentMethod }) => paymentMethod),
      ['stripe'],
    );
  });

  for (const [paid, payMethods] of [
    [
      'stripe',
      [
        { ...card, gateway: 'authorize' },
        { ...card, id: 901, gateway: 'Stripe' },
      ],
    ],
    ['stripe', [{ ...card, gateway: 'Credit Card (Stripe)' }]],
    [
      'stripe',
      [
        { ...card, gateway: 'authorize' },
        { id: 902, type: 'BankAccount' },
      ],
    ],
    ['banktransfer', [{ ...card, gateway: 'stripe' }]],
  ] as const) {
    it(`warns of none where orders are paid by ${paid} and WHMCS tells ${JSON.stringify(payMethods)}`, async () => {
      world.set({ WHMCS_PAYMENT_METHOD: paid });
      world.whmcs.office.putClient({ id: 1001, payMethods: [...payMethods] });
      await world.load(flow());
      const { sent } = await world.pass('client', await arriving('Northwind Traders'));
      assert.deepEqual(
        [sent[0]?.message.client?.paymentMethod, sent[0]?.message.client?.warning, world.status('client')?.fill],
        [paid, undefined, 'green'],
      );
    });
  }

  for (const [from, own, configured, paid] of [
    ['connection', 'stripe', '${WHMCS_PAYMENT_METHOD}', 'mailin'],
    ['client', 'stripe', '${WHMCS_PAYMENT_METHOD}', 'stripe'],
    ['client', '', 'BankTransfer', 'banktransfer'],
  ] as const) {
    it(`orders by ${paid} with the setting ${from}, where the client has '${own}' and ${configured} is set`, async () => {
      world.whmcs.office.putClient({ id: 1001, defaultGateway: own });
      await world.load(flow({ paymentMethodFrom: from }, { paymentMethod: configured }));
      await world.through(['client', 'mapping', 'add'], await arriving('Northwind Traders'));
      assert.deepEqual(
        world.whmcs.office.orders().map(({ paymentMethod }) => paymentMethod),
        [paid],
      );
    });
  }

  it('orders nothing by a client’s gateway that is not active', async () => {
    world.whmcs.office.putClient({ id: 1001, defaultGateway: 'bitcoin' });
    await world.load(flow({ paymentMethodFrom: 'client' }));
    const { error } = await world.pass('client', await arriving('Northwind Traders'));
    assert.equal(error?.code, 'PAYMENT_GATEWAY_UNKNOWN');
    assert.match(error?.message ?? '', /'bitcoin'; it has .*stripe/);
  });

  it('holds the client’s custom field against the Account', async () => {
    await world.load(flow({ customFieldId: '7' }));
    const message = await arriving('Northwind Traders');
    const id = String(message.order?.account?.id);
    world.whmcs.office.putClient({ id: 1001, customFields: [{ id: 7, value: '001000000000009AAA' }] });
    const { error } = await world.pass('client', message);
    assert.equal(error?.code, 'CLIENT_MAPPING_CONFLICT');
    assert.match(error?.message ?? '', /custom field 7 names account '001000000000009AAA'/);
    world.whmcs.office.putClient({ id: 1001, customFields: [{ id: 7, value: id }] });
    const { sent } = await world.pass('client', await arriving('Northwind Traders'));
    assert.equal(sent[0]?.message.client?.id, 1001);
  });

  describe('where an order may wait for it', () => {
    const waiting = { missingPayment: 'wait', holdHours: 2 };

    it('holds it with its place free and the reason on the Order, told once; then orders once', async () => {
      await world.load(flow(waiting));
      const message = await arriving('Cashless Ltd');
      const { sent, error } = await world.pass('client', message);
      assert.deepEqual([sent, error], [[], null]);
      assert.deepEqual(world.status('client'), { fill: 'yellow', shape: 'ring', text: 'waits' });
      const event = await eventOf(message);
      assert.equal(event?.state, 'parked');
      assert.match(
        event?.reason ?? '',
        /^PAYMENT_METHOD_MISSING: 409: WHMCS client 1004 has no payment method; looked at/,
      );
      const { handouts } = await world.provisioning();
      assert.equal(handouts.inWork(message.event.channel).length, 0, 'its place is free');
      await world.until(
        'the Order says why',
        () => orderOf(message)['Activation_Error_Code__c'] === 'PAYMENT_METHOD_MISSING',
      );
      const told = orderOf(message);
      assert.equal(told['Activation_Status__c'], 'Activating');
      assert.match(
        String(told['Activation_Error_Message__c']),
        /^409: WHMCS client 1004 .* until .* UTC\. Ask the customer/,
      );
      for (const pause of [1, 2, 5]) {
        world.clock.advance(pause * minute);
        const { sent: still } = await world.pass('client', await again());
        assert.deepEqual(still, []);
      }
      assert.equal(notes(message).length, 1, 'told once');
      assert.deepEqual(made(), []);
      world.whmcs.office.putClient({ id: 1004, payMethods: [card] });
      world.clock.advance(10 * minute);
      await world.through(['client', 'mapping', 'add'], await again());
      assert.equal(made().length, 1);
    });

    it('looks at once when a person asks for it', async () => {
      await world.load([...flow(waiting), node('control')]);
      const message = await arriving('Cashless Ltd');
      await world.pass('client', message);
      world.whmcs.office.putClient({ id: 1004, payMethods: [card] });
      const asked = () => ({ topic: 'retry', payload: message.order?.id }) as unknown as Message;
      const { sent } = await world.pass('control', asked());
      const [answer] = sent[0]?.message.payload as { done: boolean; text: string }[];
      assert.equal(answer?.done, true);
      assert.match(answer?.text ?? '', /^It waits, and is looked at again now \(PAYMENT_METHOD_MISSING: 409: /);
      await world.through(['client', 'mapping', 'add'], await again());
      assert.equal(made().length, 1);
      const { sent: second } = await world.pass('control', asked());
      assert.match((second[0]?.message.payload as { text: string }[])[0]?.text ?? '', /^Already in progress/);
    });

    it('looks no sooner than it said', async () => {
      await world.load(flow(waiting));
      await world.pass('client', await arriving('Cashless Ltd'));
      const { store, clock } = await world.provisioning();
      world.clock.advance(minute - 1_000);
      assert.equal(await store.inbox.take('/event/OrderProvisionRequested__e', clock.now()), null);
    });

    it('lets others by meanwhile', async () => {
      await world.load(flow(waiting));
      await world.pass('client', await arriving('Cashless Ltd'));
      await world.through(['client', 'mapping', 'add'], await arriving('Northwind Traders'));
      assert.equal(made().length, 1);
    });

    it('fails as ever at the limit, restarts or not', async () => {
      await world.load(flow(waiting));
      let message = await arriving('Cashless Ltd');
      let looks = 0;
      for (let waited = 0; ; waited += 30 * minute) {
        assert.ok(waited <= 2 * hour, 'it has an end');
        const { error, caught } = await world.pass('client', message);
        if (error) {
          assert.equal(waited, 2 * hour);
          assert.equal(error.code, 'PAYMENT_METHOD_MISSING');
          assert.equal(error.message, '409: WHMCS client 1004 has no payment method');
          await world.pass('failed', caught as Message);
          break;
        }
        looks += 1;
        if (looks === 2) {
          await world.unload();
          await world.load(flow(waiting));
          await world.useSalesforce();
        }
        // Logins are judged by its clock.
        world.salesforce.panel.advance(30 * minute);
        world.clock.advance(30 * minute);
        message = await again();
      }
      assert.equal(looks, 4);
      await world.until('Salesforce shows Failed', () => orderOf(message)['Activation_Status__c'] === 'Failed');
      assert.equal(orderOf(message)['Activation_Error_Code__c'], 'PAYMENT_METHOD_MISSING');
      assert.deepEqual(made(), []);
    });
  });
});
