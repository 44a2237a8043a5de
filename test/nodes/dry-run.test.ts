/** A dry run by the nodes of a flow, against both vendors: what it says is what happens, and nothing is changed by it. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import helper from 'node-red-node-test-helper';
import type { DryRunEntry } from '../../lib/provisioning/dry-run';
import type { Message } from '../../lib/provisioning/message';
import { databaseClass } from '../../lib/state/sqlite/load-sqlite';
import { demoCredentials } from './vendors';
import { catching, flowOf, node, type FlowNode } from './flow';
import { seat, useWorld } from './world';

interface Booked {
  clientId: number;
  notes: string;
  items: { pid: number; quantity: number; billingCycle: string }[];
}

/** The reference flow's line of steps, with the control beside it. The source takes no events, as before go-live. */
const whole = (change: Partial<Record<string, Partial<FlowNode>>> = {}, ...more: FlowNode[]): FlowNode[] =>
  flowOf(
    node('source', { enabled: false, wires: [['get']], ...change['source'] }),
    node('get', { wires: [['client'], ['skipped']], ...change['get'] }),
    node('client', { wires: [['mapping']], ...change['client'] }),
    node('mapping', { wires: [['add'], ['failed']], ...change['mapping'] }),
    node('add', { wires: [['accept']], ...change['add'] }),
    node('accept', { wires: [['activated']] }),
    node('activated'),
    node('failed'),
    node('skipped'),
    node('control'),
    ...catching(false),
    ...more,
  );

/** On a connection of its own, which ends with it. */
const post = (url: string, body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const sent = request(url, { method: 'POST', agent: false, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve(text));
    });
    sent.on('error', reject).end(body);
  });

describe('a dry run', () => {
  const world = useWorld();

  const start = async (flow: readonly FlowNode[]): Promise<void> => {
    await world.load(flow);
    await world.provisioning();
  };
  const draft = (items = seat, account = 'Northwind Traders'): string =>
    world.salesforce.people.createOrder({ account, items }).id;
  const ask = async (payload: unknown, more: object = {}) => {
    const message = { topic: 'dry run', payload, custom: { kept: [1] }, ...more } as unknown as Message;
    const { sent, error, caught } = await world.pass('control', message);
    const out = sent[0]?.message;
    return { entries: (out?.payload ?? []) as DryRunEntry[], text: String(out?.['text']), out, error, caught };
  };
  const one = async (payload: unknown): Promise<DryRunEntry> => {
    const { entries } = await ask(payload);
    assert.equal(entries.length, 1);
    return entries[0] as DryRunEntry;
  };
  const booked = (): Booked[] => world.whmcs.panel.ledger('orderCreated') as unknown as Booked[];

  /** Every row of the store. */
  const stored = (): unknown => {
    const Database = databaseClass();
    const database = new Database(join(world.directory, 'order-provisioning.sqlite'), { readOnly: true });
    try {
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
      return tables.map(({ name }) => [name, database.prepare(`SELECT * FROM "${String(name)}"`).all()]);
    } finally {
      database.close();
    }
  };
  /** What stands in all books. */
  const books = () => ({
    salesforce: world.salesforce.panel.ledger().filter(({ what }) => what !== 'login'),
    whmcs: world.whmcs.panel.ledger(),
    store: stored(),
  });
  const reads = ['GetClientsDetails', 'GetPayMethods', 'GetPaymentMethods', 'GetProducts', 'WhmcsDetails', 'GetOrders'];
  const assertReadsAlone = (): void => {
    const called = [...new Set(world.whmcs.panel.requests().map(({ call }) => call))];
    assert.deepEqual(
      called.filter((call) => ![...reads, 'GetClientsProducts'].includes(call)),
      [],
    );
    const asked = [...new Set(world.salesforce.panel.requests().map(({ call }) => call))];
    assert.deepEqual(
      asked.filter((call) => !['query', 'token'].includes(call)),
      [],
    );
  };
  /** Sends an order through the steps. */
  const provision = async (id: string): Promise<void> => {
    await world.useSalesforce();
    world.salesforce.people.approve(id);
    const message = await world.handOut(id);
    world.node('get').receive(message as never);
    const { store } = await world.provisioning();
    const told = async (): Promise<boolean> => (await store.ledger.withTodo('report', 1)).length === 0;
    const status = (): unknown => world.salesforce.people.order(id)['Activation_Status__c'];
    await world.until('it has ended', async () => status() !== 'Activating' && (await told()));
  };

  it('says what AddOrder would be asked, to the byte, and changes nothing anywhere', async () => {
    await start(whole());
    const id = draft([
      { code: 'SEAT-A', quantity: 3 },
      { code: 'SETUP', quantity: 2 },
    ]);
    const before = books();
    const { entries, text, out, error } = await ask(id);
    assert.equal(error, null);
    assert.deepEqual(books(), before);
    assertReadsAlone();
    assert.deepEqual(out?.['custom'], { kept: [1] });
    const [entry] = entries;
    assert.ok(entry?.body);
    const { number } = entry;
    assert.deepEqual(
      { ...entry, body: 0, bodyNote: 0 },
      {
        subject: id,
        ok: true,
        number,
        status: 'Not Started',
        faults: [],
        notes: [
          `An event of it would be skipped now: Activation_Status__c of Order ${number} is 'Not Started'`,
          'It would be paid by hand, by mailin: what WHMCS client 1001 has stored (of stripe) is not charged for it',
        ],
        whmcsOrderId: null,
        creates: {
          client: { id: 1001, source: 'account', status: 'Active', currency: 'USD', paymentMethod: 'mailin' },
          lines: [
            { pid: 14, billingCycle: 'annually', quantity: 3 },
            { pid: 17, billingCycle: 'onetime', quantity: 1 },
            { pid: 17, billingCycle: 'onetime', quantity: 1 },
          ],
          amount: '947.00',
        },
        body: 0,
        bodyNote: 0,
        text:
          `Order ${number}: would add 3 × product 14 annually, 1 × product 17 onetime, 1 × product 17 onetime for WHMCS client 1001, ` +
          `paid by mailin, 947.00 USD before tax and set-up fees. An event of it would be skipped now: Activation_Status__c of Order ${number} is 'Not Started'. ` +
          'It would be paid by hand, by mailin: what WHMCS client 1001 has stored (of stripe) is not charged for it',
      },
    );
    assert.match(
      text,
      /^Dry run of 1 order: 1 would be added, 0 with a WHMCS order already, 0 cannot be added\. Nothing/,
    );
    assert.deepEqual(world.status('control'), { fill: 'green', shape: 'dot', text: 'dry run: 1 of 1 good' });
    assert.deepEqual(world.lines('warn', 'control'), []);
    const { id: store } = (await world.provisioning()).store;
    const fields = new URLSearchParams(entry.body);
    assert.equal(fields.get('notes'), `sfOrderId=${id};i=${store}-a1`);
    assert.match(entry.bodyNote ?? '', /The mark ends in a1 if nothing is sent before/);

    // What the flow sends then is the same.
    await provision(id);
    assert.equal(world.salesforce.people.order(id)['Activation_Status__c'], 'Activated');
    const [real] = booked();
    assert.equal(real?.notes, fields.get('notes'));
    // As is what the body itself makes, sent by hand.
    const { identifier, secret, accessKey } = demoCredentials;
    const credentials = new URLSearchParams({ identifier, secret, accesskey: accessKey });
    const answer = await post(`${world.whmcs.url}/includes/api.php`, `${entry.body}&${credentials.toString()}`);
    assert.equal((JSON.parse(answer) as { result: string }).result, 'success');
    const made = ({ clientId, notes, items }: Booked) => [
      clientId,
      notes,
      items.map((one) => ({ ...one, serviceIds: 0 })),
    ];
    const [, byHand] = booked();
    assert.deepEqual(byHand && made(byHand), real && made(real));
    assert.deepEqual(
      byHand?.items.map(({ pid, billingCycle, quantity }) => ({ pid, billingCycle, quantity })),
      entry.creates?.lines,
    );
  });

  it('goes by the settings of the very nodes that the orders pass', async () => {
    const whmcs = node('whmcs', { marker: 'customField', markerFieldId: 99, paymentMethod: 'stripe' });
    const set = {
      mapping: { customFields: '12=Account.Name', priceField: 'OrderItem.UnitPrice' },
      add: { noInvoice: true, noEmail: true },
    };
    await start(whole(set, whmcs));
    const { body, creates } = await one(draft());
    const fields = new URLSearchParams(body ?? '');
    assert.deepEqual(
      ['action', 'responsetype', 'clientid', 'paymentmethod', 'notes', 'noinvoice', 'noemail', 'noinvoiceemail'].map(
        (name) => fields.get(name),
      ),
      ['AddOrder', 'json', '1001', 'stripe', null, '1', '1', null],
    );
    const { customFields, priceOverride } = creates?.lines[0] ?? {};
    assert.deepEqual([priceOverride, creates?.amount], ['15.00', '15.00']);
    assert.equal(customFields?.[12], 'Northwind Traders');
    assert.match(customFields?.[99] ?? '', /^sfOrderId=801\w{15};i=[0-9a-f]{8}-a1$/);
    assertReadsAlone();
  });

  it('names every fault of an order at once, a line each, with its fix and its owner', async () => {
    world.whmcs.office.putClient({ id: 1002, payMethods: [] });
    await start(whole());
    const bad = draft(
      [
        { code: 'UNMAPPED', quantity: 1 },
        { code: 'WRONG-CYCLE', quantity: 2 },
        { code: 'UNKNOWN-PID', quantity: 1 },
      ],
      "Fish & Sons O'Neil",
    );
    const before = books();
    const { entries, text } = await ask(bad);
    assert.deepEqual(books(), before);
    const [entry] = entries;
    assert.deepEqual(
      entry?.faults.map(({ code, item }) => [code, item]),
      [
        ['PAYMENT_METHOD_MISSING', undefined],
        ['CYCLE_MISSING', '1 Consulting day'],
        ['PRODUCT_ID_MISSING', '1 Consulting day'],
        ['CYCLE_AMBIGUOUS', '2 Pro seat, biannual'],
        ['PRODUCT_UNKNOWN', '3 Ghost product'],
      ],
    );
    assert.deepEqual([entry?.ok, entry?.body, entry?.creates], [false, null, null]);
    for (const fault of entry?.faults ?? []) {
      const what = fault.item === undefined ? fault.message : `item ${fault.item}: ${fault.message}`;
      assert.ok(text.split('\n').includes(`${entry?.number} | ${what} | ${fault.fix} | ${fault.owner}`), text);
      assert.ok(fault.fix.length > 10 && fault.step.length > 0);
    }
    const [shown] = world.lines('warn', 'control');
    assert.match(
      shown ?? '',
      /^Dry run of 1 order: 0 would be added, .* 1 cannot be added\. Nothing was changed\.\norder \|/,
    );
    assert.deepEqual(world.status('control'), {
      fill: 'yellow',
      shape: 'dot',
      text: 'dry run: 0 of 1 good',
    });
    // The nodes' own say nothing: no order passed them.
    assert.deepEqual(world.lines('warn', 'mapping'), []);
  });

  it('looks at the items although the client is not known, and says what it left out', async () => {
    await start(whole());
    const { faults, notes } = await one(draft([{ code: 'UNMAPPED', quantity: 1 }], 'Nobody Knows GmbH'));
    assert.deepEqual(
      faults.map(({ code }) => code),
      ['CLIENT_NOT_MAPPED', 'CYCLE_MISSING', 'PRODUCT_ID_MISSING'],
    );
    assert.ok(notes.some((note) => note.startsWith('Prices were not looked at')));
  });

  it('says of each order what keeps it back, in the order in which they were asked for, each once', async () => {
    await start(whole());
    const [good, closed, gone, empty] = [draft(), draft(seat, 'Gone & Co'), draft(), draft()];
    world.salesforce.people.deleteRecord(gone);
    for (const item of world.salesforce.people.order(empty).items)
      world.salesforce.people.deleteRecord(String(item['Id']));
    const { entries } = await ask([`${good}, ${closed.slice(0, 15)}`, gone, empty, good, 'ev-1', closed]);
    assert.deepEqual(
      entries.map(({ subject, ok, faults }) => [subject, ok, faults.map(({ code }) => code)]),
      [
        [good, true, []],
        [closed, false, ['CLIENT_CLOSED']],
        [gone, false, ['ORDER_NOT_FOUND']],
        [empty, false, ['ORDER_EMPTY']],
        ['ev-1', false, ['ORDER_ID_INVALID']],
      ],
    );
  });

  it('says how long an order would wait for a payment method, where it is set to', async () => {
    await start(whole({ client: { missingPayment: 'wait', holdHours: 48 } }));
    const { faults, notes, body, creates } = await one(draft(seat, 'Cashless Ltd'));
    assert.deepEqual([faults.map(({ code }) => code), body, creates], [['PAYMENT_METHOD_MISSING'], null, null]);
    assert.ok(
      notes.some((note) => note.includes('48 h')),
      notes.join(),
    );
  });

  describe('of the newest orders', () => {
    it('takes those that have items, the newest first', async () => {
      await start(whole());
      const ids = [draft(), draft(), draft(), draft()];
      for (const item of world.salesforce.people.order(ids[2] ?? '').items)
        world.salesforce.people.deleteRecord(String(item['Id']));
      for (const payload of [{ last: 3 }, 'last 3', ' LAST  3 ']) {
        const { entries } = await ask(payload);
        assert.deepEqual(
          entries.map(({ subject }) => subject),
          [ids[3], ids[1], ids[0]],
        );
      }
      assertReadsAlone();
    });

    it('takes those of the price book that get order is set to', async () => {
      world.set({ PORTAL_PRICEBOOK_ID: '01sQl000000ZZZZIAW' });
      await start(whole());
      draft();
      assert.deepEqual((await ask({ last: 5 })).entries, []);
    });

    it('asks for 200 at most, and for a number', async () => {
      await start(whole());
      for (const payload of [{ last: 0 }, { last: 201 }, { last: 'many' }, 'last x', { last: 2.5 }]) {
        const { entries } = await ask(payload);
        assert.deepEqual(entries, [
          { subject: null, done: false, text: 'The newest 1 to 200 Orders can be looked at' },
        ]);
      }
      assert.equal(world.salesforce.panel.requests('query').length, 0);
    });

    it('fails to a Catch where Salesforce cannot be asked', async () => {
      await start(whole());
      world.salesforce.panel.switches({ hiddenFields: ['OrderItem.OrderId'] });
      const { error, caught } = await ask({ last: 5 });
      assert.deepEqual([error?.code, caught?.failure?.code], ['SF_QUERY', 'SF_QUERY']);
      assert.equal(world.status('control')?.text, 'SF_QUERY');
    });
  });

  describe('of an order that has a WHMCS order', () => {
    it('names the one on record', async () => {
      await start(whole());
      const id = draft();
      await provision(id);
      const [{ id: whmcsOrder = 0 } = {}] = world.whmcs.office.orders();
      const before = books();
      const entry = await one(id);
      assert.deepEqual(books(), before);
      assert.deepEqual([entry.ok, entry.whmcsOrderId, entry.body], [true, whmcsOrder, null]);
      assert.match(
        entry.text,
        new RegExp(`It has WHMCS order ${whmcsOrder} \\(Active\\), which would be gone on with`),
      );
      world.whmcs.office.setStatus(whmcsOrder, 'Cancelled');
      const dead = await one(id);
      assert.deepEqual(
        [dead.ok, dead.whmcsOrderId, dead.faults.map(({ code }) => code)],
        [false, whmcsOrder, ['WHMCS_ORDER_GONE']],
      );
    });

    it('finds it by its mark, where the store does not know it', async () => {
      await start(whole());
      const id = draft();
      const mark = `sfOrderId=${id};i=0badcafe-a1`;
      const placed = world.whmcs.office.placeOrder({ clientId: 1001, items: [{ pid: 11 }], notes: mark });
      const entry = await one(id);
      assert.deepEqual([entry.ok, entry.whmcsOrderId, entry.body], [true, (placed as { id: number }).id, null]);
    });

    it('stops where two bear its mark', async () => {
      await start(whole());
      const id = draft();
      for (const intent of ['a1', 'a2'])
        world.whmcs.office.placeOrder({
          clientId: 1001,
          items: [{ pid: 11 }],
          notes: `sfOrderId=${id};i=0badcafe-${intent}`,
        });
      const entry = await one(id);
      assert.deepEqual([entry.ok, entry.body, entry.faults.map(({ code }) => code)], [false, null, ['WHMCS_TWIN']]);
    });

    it('judges the one that Salesforce names as add order would', async () => {
      await start(whole());
      const id = draft();
      const own = { clientId: 1001, items: [{ pid: 11, billingCycle: 'monthly' }] };
      const placed = (world.whmcs.office.placeOrder(own) as { id: number }).id;
      world.salesforce.people.editOrder(id, { WHMCS_Order_ID__c: String(placed) });
      const taken = await one(id);
      assert.deepEqual([taken.ok, taken.whmcsOrderId, taken.body, taken.creates], [true, placed, null, null]);
      assert.match(taken.text, new RegExp(`It has WHMCS order ${placed} \\(Pending\\)`));
      world.salesforce.people.editOrder(id, { WHMCS_Order_ID__c: '424242' });
      const entry = await one(id);
      assert.deepEqual(
        entry.faults.map(({ code, message }) => [code, message]),
        [['WHMCS_ORDER_FOREIGN', 'WHMCS_Order_ID__c names 424242: WHMCS has no such order']],
      );
      assert.equal(entry.body, null);
    });
  });

  it('says that an AddOrder of before is not settled, and asks for nothing', async () => {
    await start(whole());
    await world.useSalesforce();
    const id = draft();
    world.salesforce.people.approve(id);
    world.whmcs.panel.fault({ call: 'AddOrder', do: { kind: 'commitLate', ms: 3_600_000 } });
    const message = await world.handOut(id);
    world.node('get').receive(message as never);
    const { inbox } = (await world.provisioning()).store;
    await world.until('it waits', async () => (await inbox.get(message.event.id))?.state === 'parked');
    const entry = await one(id);
    assert.equal(entry.body, null);
    assert.ok(entry.notes.some((note) => note.startsWith('It is not known yet what became of the AddOrder of')));
  });

  it('says of an inactive client that WHMCS takes its orders all the same', async () => {
    world.whmcs.office.putClient({ id: 1001, status: 'Inactive' });
    await start(whole());
    const { entries, text } = await ask(draft());
    assert.equal(entries[0]?.ok, true);
    for (const said of [entries[0]?.notes.join(), text])
      assert.match(said ?? '', /WHMCS client 1001 is Inactive: WHMCS takes its orders all the same\. Check/);
  });

  it('says of a client that has nothing stored of its order’s gateway that it may not be charged', async () => {
    const payMethods = [{ id: 3, type: 'RemoteCreditCard', gateway: 'authorize', expiry: '12/98' }];
    world.whmcs.office.putClient({ id: 1001, payMethods });
    await start(whole({}, node('whmcs', { paymentMethod: 'stripe' })));
    const id = draft();
    const before = books();
    const { entries, text } = await ask(id);
    assert.deepEqual(books(), before);
    const [entry] = entries;
    assert.deepEqual([entry?.ok, new URLSearchParams(entry?.body ?? '').get('paymentmethod')], [true, 'stripe']);
    for (const said of [entry?.notes.join(), text, entry?.creates?.client.warning])
      assert.match(said ?? '', /pays by stripe, and has no stored payment method of it \(only of authorize\)/);
    assertReadsAlone();
  });

  it('says of Orders whose Accounts name one WHMCS client that they do, and asks nobody for it', async () => {
    const fish = world.salesforce.people.records('Account').find((one) => one['Name'] === "Fish & Sons O'Neil");
    const fields = { WH_Account__c: '1001' };
    world.salesforce.people.putRecord({ type: 'Account', id: String(fish?.['Id']), fields });
    await start(whole());
    const ids = [draft(), draft(seat, "Fish & Sons O'Neil"), draft()];
    const before = books();
    const { entries, text } = await ask(ids);
    assert.deepEqual(books(), before);
    assert.ok(entries.every(({ ok, creates }) => ok && creates?.client.id === 1001));
    const [one, two, three] = entries.map(({ notes }) => notes.join());
    for (const said of [one, three, text])
      assert.match(
        said ?? '',
        /Account Fish & Sons O'Neil \(Order \d+\) is linked with WHMCS client 1001, too\. Where/,
      );
    assert.match(two ?? '', /Account Northwind Traders \(Order \d+\) is linked with WHMCS client 1001, too\./);
    assertReadsAlone();
    assert.equal(world.salesforce.panel.requests('query').length, 3);
  });

  describe('goes by the nodes that are reached', () => {
    it('and names those that it used where there are several', async () => {
      const two = [node('mapping', { id: 'early', name: 'early', wires: [['add'], ['failed']] })];
      await start(whole({ client: { wires: [['mapping', 'early']] } }, ...two));
      const { text } = await ask(draft());
      assert.match(text, /\nOf 2 mapping-check nodes behind "approved" "mapping" was used, not "early"\n/);
    });

    it('and says what is missing', async () => {
      for (const [flow, problem] of [
        [whole({ client: { wires: [['skipped']] } }), 'no mapping-check behind "approved"'],
        [whole({ mapping: { whmcs: '' } }), 'no mapping-check behind "approved"'],
        [whole({ source: { d: true } }), 'No platform event node of the flow uses this store'],
      ] as const) {
        await start(flow);
        const { entries } = await ask(draft());
        const [answer] = entries as unknown as { done: boolean; text: string }[];
        assert.equal(answer?.done, false);
        assert.ok(answer?.text.includes(problem), answer?.text);
        assert.deepEqual(world.status('control'), { fill: 'yellow', shape: 'dot', text: 'dry run: not begun' });
        await world.unload();
      }
    });

    it('and says what to put there where nothing is named', async () => {
      await start(whole());
      for (const payload of [undefined, '', [], { orders: 1 }, 5]) {
        const { entries } = await ask(payload);
        assert.deepEqual(entries, [
          { subject: null, done: false, text: 'Put ids of Orders into msg.payload, or { last: 20 } for the newest 20' },
        ]);
      }
    });
  });

  it('tells of a vendor that does not answer, order by order', async () => {
    await start(whole());
    world.whmcs.panel.fault({ call: 'GetClientsDetails', times: 0, do: { kind: 'status', status: 502 } });
    const passing = ask(draft());
    await world.until(
      'it gives up',
      () => (world.clock.advance(1_000), world.watch.ended.some(({ node: id }) => id === 'control')),
    );
    const [entry] = (await passing).entries;
    assert.deepEqual(
      entry?.faults.map(({ code, owner }) => [code, owner]),
      [['502', 'WHMCS hosting support']],
    );
  });

  it('is one at a time, tells how far it is, and ends at once when its node closes', async () => {
    await start(whole());
    world.whmcs.panel.fault({ call: 'GetClientsDetails', times: 0, do: { kind: 'hang' } });
    world.node('control').receive({ topic: 'dry run', payload: [draft(), draft(), draft()] } as never);
    await world.until('it waits', () => world.whmcs.panel.requests('GetClientsDetails').length > 0 || hanging() > 0);
    assert.deepEqual(world.status('control'), { fill: 'blue', shape: 'ring', text: 'dry run: 0 of 3' });
    const { entries } = await ask(draft());
    assert.deepEqual(entries, [
      { subject: null, done: false, text: 'A dry run is under way; ask again when it has ended' },
    ]);
    let closed = false;
    void helper.unload().then(() => (closed = true));
    await world.until('it is closed', () => closed, 5_000);
    assert.equal(world.watch.sent.filter(({ from }) => from === 'control').length, 1);
  });
  const hanging = (): number => world.whmcs.panel.faults().reduce((sum, { hits }) => sum + hits, 0);
});
