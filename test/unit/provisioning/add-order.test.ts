/** Adding an order, seen from WHMCS: what it was sent, how often, and what the message then says. */
import assert from 'node:assert/strict';
import { markKept } from '../../../lib/provisioning/kept-marks';
import { newGeneration } from '../../../lib/provisioning/add-record';
import { unsettledAdd, type OrderRecord } from '../../../lib/provisioning/order-record';
import { StoreError } from '../../../lib/state/contract';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { code, inAFreshWorld, part, text } from './vendor-doubles/fresh-world';
import { awayError, dateText } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId, input, orderId, otherOrderId, type World, type Process } from './vendor-doubles/world';

let world: World;
let process: Process;

const calls = (action: string): number => world.whmcs.calls.filter((call) => call === action).length;

describe('Adding an order', () => {
  inAFreshWorld((...made) => void ([world, process] = made));

  describe('when all goes well', () => {
    it('sends it once, with our mark, and tells what WHMCS has', async () => {
      const added = part(await process.add());
      const order = world.whmcs.order(5001);
      assert.deepEqual(world.whmcs.added, [5001]);
      assert.equal(order.notes, `sfOrderId=${orderId};i=${process.store.id}-a1`);
      assert.equal(order.clientId, clientId);
      assert.deepEqual(added, {
        orderId: 5001,
        orderNumber: order.orderNumber,
        url: 'https://whmcs.example/admin/orders.php?action=view&id=5001',
        invoiceId: 7001,
        serviceIds: [9001, 9002],
        outcome: 'created',
        status: 'Pending',
      });
    });

    it('has the intent on record before the call, and nothing open after it', async () => {
      let open: unknown;
      let during: OrderRecord | undefined;
      world.whmcs.onAdded = () => {
        void process.record().then((record) => (during = record));
        void process.real.openIntents.of(process.whmcs.key, clientId).then((found) => (open = found));
      };
      await process.add();
      assert.ok(during && unsettledAdd(during)?.id === 'a1');
      assert.deepEqual(during.todo, ['settle']);
      assert.deepEqual(open, [{ orderId, intent: 'a1' }]);
      assert.deepEqual(await process.real.openIntents.of(process.whmcs.key, clientId), []);
      const record = await process.record();
      assert.equal(record.adds[0]?.settled?.how, 'success');
      assert.equal(record.adds[0]?.sender.instance, process.sender.instance);
      assert.deepEqual(record.todo, []);
    });

    it('records what is known of the call as facts', async () => {
      await process.add();
      const { facts } = await process.real.ledger.read(orderId);
      assert.deepEqual(
        facts.map((fact) => fact.kind),
        ['sent', 'order-seen', 'call-ended'],
      );
      assert.equal(facts[1]?.whmcsOrderId, 5001);
    });

    it('claims the WHMCS order for this Salesforce order', async () => {
      await process.add();
      assert.equal(await process.real.claims.holder(process.whmcs.key, 5001), orderId);
    });

    it('makes no second call when it is run again', async () => {
      await process.add();
      assert.equal(part(await process.add()).outcome, 'already');
      assert.equal(calls('AddOrder'), 1);
    });

    it('puts the mark in a product custom field where the node says so', async () => {
      await process.add(input(), { marker: { customFieldId: 7 } });
      assert.equal(world.whmcs.order(5001).notes, '');
      assert.deepEqual(world.whmcs.services[0]?.customFields, [
        { id: 7, value: `sfOrderId=${orderId};i=${process.store.id}-a1` },
      ]);
    });

    it('takes ten services of one unit for one service of ten', async () => {
      world.whmcs.manyServices = true;
      assert.deepEqual(part(await process.add(input({ items: [[11, 3]] }))).serviceIds, [9001, 9002, 9003]);
    });

    it('goes on where WHMCS has dropped the mark, and says so in the log, on the node and to health', async () => {
      assert.equal(markKept(process.store), null);
      world.whmcs.keepsNotes = false;
      const added = part(await process.add());
      assert.equal(added.outcome, 'created');
      assert.match(added.warning ?? '', /did not keep our mark/);
      assert.match(process.logged('warn').join(), /did not keep our mark/);
      assert.equal(markKept(process.store), 'dropped');
    });

    it('says when WHMCS charges another price', async () => {
      world.whmcs.prices = { 11: '12.00' };
      assert.equal(part(await process.add()).warning, 'WHMCS charges 39.00 a cycle, its price list says 45.00');
    });
  });

  describe('given prices of Salesforce’s', () => {
    const sold = (price: string, quantity = 1) => {
      const from = input({ items: [[11, quantity]] });
      for (const one of from.mapping.items) Object.assign(one, { priceOverride: price, price });
      return from;
    };

    it('stops before the order is accepted where WHMCS charges more, and goes on once a person has set the price', async () => {
      world.whmcs.prices = { 11: '12.00' };
      const failed = await process.add(sold('9.50'));
      assert.equal(code(failed), 'WHMCS_ORDER_DIFFERS');
      assert.match(
        text(failed),
        /^WHMCS order 5001 differs: product 11 monthly: Salesforce says 9\.50, WHMCS charges 12\.00 a cycle$/,
      );
      for (const service of world.whmcs.services) service.recurringAmount = '9.50';
      await process.begin(orderId, 2);
      assert.equal(part(await process.add(sold('9.50'))).warning, undefined);
      assert.deepEqual(world.whmcs.added, [5001]);
    });

    it('adds up what several services of one unit cost', async () => {
      world.whmcs.manyServices = true;
      world.whmcs.prices = { 11: '9.50' };
      assert.equal(part(await process.add(sold('9.50', 3))).warning, undefined);
    });

    it('goes on where the product has options, whose prices are not known', async () => {
      world.whmcs.prices = { 11: '11.50' };
      const from = sold('9.50');
      for (const one of from.mapping.items) one.price = null;
      assert.equal(part(await process.add(from)).warning, undefined);
    });

    it('takes no order that Salesforce names where WHMCS charges more for it', async () => {
      world.whmcs.prices = { 11: '12.00' };
      const row = world.whmcs.add({ clientId, items: [{ pid: 11, quantity: 1, billingCycle: 'monthly' }] });
      const from = sold('9.50');
      from.order.whmcsOrderId = String(row.id);
      const failed = await process.add(from);
      assert.equal(code(failed), 'WHMCS_ORDER_FOREIGN');
      assert.match(text(failed), /Salesforce says 9\.50, WHMCS charges 12\.00 a cycle$/);
      assert.equal((await process.record()).adopted, null);
    });

    it('goes on, and says so, where WHMCS charges less', async () => {
      world.whmcs.prices = { 11: '9.00' };
      assert.equal(
        part(await process.add(sold('9.50'))).warning,
        'WHMCS charges 9.00 a cycle, by the prices of the Order it is 9.50',
      );
    });

    it('goes on, and says so, where it is not known what several units of one service come to', async () => {
      world.whmcs.prices = { 11: '12.00' };
      assert.equal(
        part(await process.add(sold('9.50', 2))).warning,
        'WHMCS charges 24.00 a cycle, by the prices of the Order it is 19.00',
      );
    });
  });

  describe('before it sends', () => {
    it('refuses in an attempt that has ended', async () => {
      await process.edit((record) => ({ ...record, attemptState: 'closed' }));
      assert.equal(code(await process.add()), 'ATTEMPT_CLOSED');
      assert.deepEqual(world.whmcs.calls, []);
    });

    it('refuses a mapping that is not complete', async () => {
      const from = input();
      from.mapping.ok = false;
      assert.equal(code(await process.add(from)), 'MAPPING_INCOMPLETE');
      assert.deepEqual(world.whmcs.calls, []);
    });

    it('refuses a mapping without items, for a new order and for one that Salesforce names', async () => {
      const row = world.whmcs.add({ clientId, items: [] });
      for (const named of [{}, { whmcsOrderId: String(row.id) }]) {
        const from = input(named);
        from.mapping.items = [];
        assert.equal(code(await process.add(from)), 'MAPPING_INCOMPLETE');
      }
      assert.deepEqual(world.whmcs.calls, []);
      assert.deepEqual((await process.record()).adds, []);
    });

    it('gives its place to others while another step holds the order', async () => {
      await process.real.leases.acquire(`order:${orderId}`, 30_000);
      const end = await process.add();
      assert.equal(end.kind === 'parked' && end.until - world.clock.now(), 2_000);
      assert.equal(end.kind === 'parked' && end.waitsFor?.what, `order:${orderId}`);
    });

    it('gives its place to others while another order of the client is being added', async () => {
      await process.real.leases.acquire(`client:${process.whmcs.key}:${clientId}`, 30_000);
      const end = await process.add();
      assert.match(text(end), /Another order of this WHMCS client/);
      assert.equal(end.kind === 'parked' && end.until - world.clock.now(), 15_000);
      assert.deepEqual(world.whmcs.added, []);
    });

    it('stays behind another order that was woken for the client and has not come yet', async () => {
      const lease = `client:${process.whmcs.key}:${clientId}`;
      const { inbox } = process.real;
      const now = world.clock.now();
      const { id } = await inbox.add({
        channel: 'c',
        replayId: null,
        eventId: 'e',
        createdAt: now,
        receivedAt: now,
        orderId: otherOrderId,
        delivery: 'live',
        payload: {},
      });
      await inbox.take('c', now);
      await inbox.park(id, 1, now + 60_000, 'busy', lease);
      await process.turns.free(lease);
      const end = await process.add();
      assert.equal(end.kind === 'parked' && end.waitsFor?.what, lease);
      assert.equal(calls('GetOrders'), 0);
      await process.begin(otherOrderId);
      assert.equal(part(await process.add(input({ id: otherOrderId }))).outcome, 'created');
      assert.equal(part(await process.add()).outcome, 'created');
    });

    it('fails without an intent when WHMCS cannot be read', async () => {
      world.whmcs.beforeRead = (action) => {
        throw awayError(action);
      };
      assert.equal(code(await process.add()), '503');
      assert.deepEqual((await process.record()).adds, []);
    });

    it('does not take an answer without a count for evidence', async () => {
      world.whmcs.answerOrders = (page) => ({ ...page, total: null });
      assert.equal(code(await process.add()), 'WHMCS_UNREADABLE');
      assert.equal(calls('AddOrder'), 0);
    });

    it('does not take orders of other clients for evidence', async () => {
      world.whmcs.add({ clientId: 7, items: asked() });
      world.whmcs.answerOrders = () => ({ total: 1, start: 0, orders: [...world.whmcs.orders] });
      assert.equal(code(await process.add()), 'WHMCS_UNREADABLE');
      assert.equal(calls('AddOrder'), 0);
    });

    it('finds the newest order wherever WHMCS lists it', async () => {
      for (let made = 0; made < 40; made++) world.whmcs.add({ clientId, items: asked() });
      world.whmcs.oldestFirst = true;
      await process.add();
      assert.equal((await process.record()).adds[0]?.watermark, 5040);
    });

    it('does not send once the send-by has passed, says so, and adds when it comes again', async () => {
      const end = await process.add(input(), { sendByMs: -1 });
      assert.match(
        end.kind === 'parked' ? end.reason : '',
        /AddOrder could not leave in time.* not sent.* tried again/,
      );
      assert.equal(calls('AddOrder'), 0);
      assert.equal((await process.record()).adds[0]?.settled?.how, 'not-sent');
      assert.deepEqual(await process.real.openIntents.of(process.whmcs.key, clientId), []);
      assert.equal(part(await process.add()).outcome, 'created');
      assert.equal(world.whmcs.added.length, 1);
    });

    it('fails at each third time in a row that it could not leave in time', async () => {
      const kinds: string[] = [];
      for (let tried = 0; tried < 6; tried++) {
        const end = await process.add(input(), { sendByMs: -1 });
        kinds.push(end.kind === 'parked' ? 'waits' : code(end));
      }
      assert.deepEqual(kinds, ['waits', 'waits', 'WHMCS_UNREACHABLE', 'waits', 'waits', 'WHMCS_UNREACHABLE']);
      assert.equal(calls('AddOrder'), 0);
      assert.equal(part(await process.add()).outcome, 'created');
      assert.equal(world.whmcs.added.length, 1);
    });
  });

  describe('when the call ends in a definite way', () => {
    it('fails at once when it was not sent, and adds on the next try', async () => {
      world.whmcs.addFaults = [{ end: 'not-sent', code: 'ECONNREFUSED' }];
      assert.equal(code(await process.add()), 'WHMCS_UNREACHABLE');
      assert.deepEqual(await process.real.openIntents.of(process.whmcs.key, clientId), []);
      assert.equal(part(await process.add()).outcome, 'created');
      assert.equal(world.whmcs.added.length, 1);
    });

    it('fails with WHMCS’s own text when it was refused', async () => {
      world.whmcs.addFaults = [{ end: 'refused', message: 'Client ID Not Found' }];
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_REFUSED');
      assert.match(text(end), /Client ID Not Found/);
      assert.equal((await process.record()).adds[0]?.settled?.how, 'refused');
      assert.deepEqual((await process.record()).todo, []);
    });

    it('settles a refusal of our access as refused', async () => {
      world.whmcs.addFaults = [{ end: 'refused', fault: 'ip', message: 'Invalid IP 203.0.113.9' }];
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_CONFIG');
      assert.match(text(end), /203\.0\.113\.9/);
      assert.equal((await process.record()).adds[0]?.settled?.how, 'refused');
    });

    it('reads at once after an answer that is neither yes nor no: nothing was made', async () => {
      world.whmcs.addFaults = [{ end: 'unclear', message: 'Invalid or Missing Payment Information' }];
      const from = world.clock.monotonic();
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_REFUSED');
      assert.match(text(end), /Missing Payment/);
      assert.equal(world.clock.monotonic(), from);
      assert.equal((await process.record()).adds[0]?.settled?.how, 'refused');
    });

    it('reads at once after an answer that is neither yes nor no: the order was made', async () => {
      world.whmcs.addFaults = [{ end: 'unclear', commit: 'now' }];
      assert.equal(part(await process.add()).outcome, 'adopted');
      assert.equal(calls('AddOrder'), 1);
    });
  });

  describe('when its answer is lost', () => {
    it('finds the order by its mark in the same breath', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      const added = part(await process.add());
      assert.equal(added.outcome, 'adopted');
      assert.equal(added.orderId, 5001);
      assert.equal(calls('AddOrder'), 1);
    });

    it('finds it after a gateway’s error page', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now', code: '502' }];
      assert.equal(part(await process.add()).outcome, 'adopted');
    });

    it('finds it by a mark in a custom field', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      assert.equal(part(await process.add(input(), { marker: { customFieldId: 7 } })).outcome, 'adopted');
    });

    it('gives its place to others until settling has the outcome', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      const end = await process.add();
      assert.match(text(end), /not known yet/);
      assert.deepEqual((await process.record()).todo, ['settle']);
      assert.deepEqual(process.settler.orders, [orderId]);
    });

    it('takes an order that commits minutes later', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 200_000 }];
      const end = await world.until(process.again(() => process.add()));
      assert.equal(part(end).outcome, 'adopted');
      assert.deepEqual(world.whmcs.added, [5001]);
    });

    it('sends once more when nothing comes of it, no sooner than five minutes after', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      const from = world.clock.monotonic();
      const end = await world.until(process.again(() => process.add()));
      assert.equal(part(end).outcome, 'created');
      assert.equal(calls('AddOrder'), 2);
      assert.deepEqual(world.whmcs.added, [5001]);
      assert.ok(world.clock.monotonic() - from >= 300_000);
      assert.deepEqual((await process.record()).todo, ['watch']);
    });

    it('does not send once more where the node forbids it', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      const end = await world.until(process.again(() => process.add(input(), { resend: 'never' })));
      assert.equal(code(end), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 1);
    });

    it('never sends a third time by itself', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown' }];
      assert.equal(code(await world.until(process.again(() => process.add()))), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 2);
      assert.equal(code(await process.add()), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 2);
    });

    it('looks again on Retry, and adds when WHMCS still shows nothing', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown' }];
      await world.until(process.again(() => process.add()));
      await process.begin(orderId, 2);
      assert.equal(part(await world.until(process.again(() => process.add()))).outcome, 'created');
      assert.deepEqual(world.whmcs.added, [5001]);
    });

    it('looks again on Retry, and stops where the node forbids a second call, saying what to do', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await world.until(process.again(() => process.add(input(), { resend: 'never' })));
      await process.begin(orderId, 2);
      const before = calls('GetOrders');
      const end = await world.until(process.again(() => process.add(input(), { resend: 'never' })));
      assert.equal(code(end), 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(
        text(end),
        /Resend is "never": to add it all the same, retry with \{ orderId, newWhmcsOrder: true \}/,
      );
      assert.ok(calls('GetOrders') - before >= 3, 'fresh passes');
      assert.equal(calls('AddOrder'), 1);
    });

    it('goes by what the node says of a second call when Retry is pressed', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown' }];
      await world.until(process.again(() => process.add()));
      await process.begin(orderId, 2);
      const never = await world.until(process.again(() => process.add(input(), { resend: 'never' })));
      assert.match(text(never), /Resend is "never"/);
      assert.equal(calls('AddOrder'), 2);
      await process.begin(orderId, 3);
      assert.equal(part(await world.until(process.again(() => process.add()))).outcome, 'created');
    });

    it('adopts on Retry an order that turned up after the stop', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await world.until(process.again(() => process.add(input(), { resend: 'never' })));
      world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=${process.store.id}-a1` });
      await process.begin(orderId, 2);
      assert.equal(part(await process.add()).outcome, 'adopted');
      assert.equal(world.whmcs.added.length, 1);
    });
  });

  describe('when WHMCS keeps no mark', () => {
    beforeEach(() => {
      world.whmcs.keepsNotes = false;
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
    });

    it('names the candidates and stops, and adds nothing on Retry', async () => {
      const end = await world.until(process.again(() => process.add()));
      assert.equal(code(end), 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(text(end), /client 1001 that may be ours: 5001 \(same products, Pending/);
      await process.begin(orderId, 2);
      assert.equal(code(await world.until(process.again(() => process.add()))), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 1);
    });

    it('does not take a person’s order of the same products for ours', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      const run = process.again(() => process.add());
      await world.clock.advance(60_000);
      world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const end = await world.until(run);
      assert.equal(code(end), 'WHMCS_OUTCOME_UNKNOWN');
      assert.match(text(end), /5001 .*by admin 3/);
      assert.equal((await process.record()).adopted, null);
    });

    it('takes the order that a person names in Salesforce after the stop', async () => {
      await world.until(process.again(() => process.add()));
      await process.begin(orderId, 2);
      const added = part(await process.add(input({ whmcsOrderId: '5001' })));
      assert.equal(added.orderId, 5001);
      const record = await process.record();
      assert.equal(record.adds[0]?.settled?.how, 'adopted');
      assert.deepEqual(await process.real.openIntents.of(process.whmcs.key, clientId), []);
    });

    it('does not take an order that Salesforce names before the quarantine has ended', async () => {
      await process.add();
      const end = await process.add(input({ whmcsOrderId: '5001' }));
      assert.equal(end.kind, 'parked');
      assert.equal((await process.record()).adopted, null);
    });

    it('is known all the same when the answer came', async () => {
      world.whmcs.addFaults = [];
      assert.equal(part(await process.add()).outcome, 'created');
      assert.equal(part(await process.add()).orderId, 5001);
      assert.equal(world.whmcs.added.length, 1);
    });
  });

  describe('beside other orders of the client', () => {
    const other = input({ id: otherOrderId });

    beforeEach(() => process.begin(otherOrderId));

    it('waits for an unsettled one where there is no mark to tell them apart', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await process.add(other, { marker: 'none' });
      assert.match(text(await process.add(input(), { marker: 'none' })), /is unsettled, and WHMCS keeps no mark/);
      assert.equal(calls('AddOrder'), 1);
      const end = await world.until(process.again(() => process.add(input(), { marker: 'none' })));
      assert.equal(part(end).outcome, 'created');
    });

    it('says which one a person must decide first', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      await world.until(process.again(() => process.add(other, { marker: 'none' })));
      const end = await process.add(input(), { marker: 'none' });
      assert.equal(code(end), 'WHMCS_CLIENT_BLOCKED');
      assert.match(text(end), new RegExp(otherOrderId));
    });

    it('goes on a day after one of them was stopped, for a person who never decides', async () => {
      world.whmcs.addFaults = [{ end: 'unknown', commit: 'now' }];
      await world.until(process.again(() => process.add(other, { marker: 'none' })));
      world.whmcs.order(5001).status = 'Cancelled';
      await world.clock.advance(3_600_000);
      assert.equal(code(await process.add(input(), { marker: 'none' })), 'WHMCS_CLIENT_BLOCKED');
      await world.clock.advance(86_400_000);
      const end = await world.until(process.again(() => process.add(input(), { marker: 'none' })));
      assert.deepEqual([part(end).orderId, world.whmcs.added], [5002, [5001, 5002]]);
    });

    it('waits for an unsettled one where the client’s last order shows that marks are dropped', async () => {
      world.whmcs.keepsNotes = false;
      await process.add(input({ id: '801000000000003AAA' })).catch(() => undefined);
      await process.begin('801000000000003AAA');
      await process.add(input({ id: '801000000000003AAA' }));
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await process.add(other);
      assert.match(text(await process.add()), /is unsettled/);
    });

    it('does not wait for an unsettled one where marks are kept', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await process.add(other);
      assert.equal(part(await process.add()).outcome, 'created');
    });

    it('does not wait for an intent that a process opened and never wrote', async () => {
      await process.real.openIntents.open(process.whmcs.key, clientId, otherOrderId, 'a1');
      assert.equal(part(await process.add(input(), { marker: 'none' })).outcome, 'created');
    });

    it('does not take the other’s order for its own', async () => {
      world.whmcs.keepsNotes = false;
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await process.add();
      assert.equal(part(await process.add(other)).orderId, 5001);
      const end = await world.until(process.again(() => process.add()));
      assert.equal(part(end).orderId, 5002);
      assert.deepEqual(world.whmcs.added, [5001, 5002]);
    });
  });

  describe('when the order is there already', () => {
    const marked = (store: string, intent = 'a1'): string => `sfOrderId=${orderId};i=${store}-${intent}`;

    it('adopts a row with our mark that the ledger does not know', async () => {
      world.whmcs.add({ clientId, items: asked(), notes: marked('ffffffff') });
      assert.equal(part(await process.add()).orderId, 5001);
      assert.equal(calls('AddOrder'), 0);
    });

    it('counts such an order as accepted by somebody: it is not accepted by us', async () => {
      world.whmcs.add({ clientId, items: asked(), notes: marked('ffffffff') });
      const end = await world.until(process.flow());
      assert.equal(code(end), 'WHMCS_ACCEPT_UNKNOWN');
      assert.equal(calls('AcceptOrder'), 0);
    });

    it('is done when whoever made it has accepted it', async () => {
      world.whmcs.add({ clientId, items: asked(), notes: marked('ffffffff') });
      world.whmcs.accept(5001);
      assert.equal(part(await world.until(process.flow())).status, 'Active');
      assert.equal(calls('AcceptOrder'), 0);
    });

    it('stops at two rows with our mark', async () => {
      world.whmcs.add({ clientId, items: asked(), notes: marked('ffffffff') });
      world.whmcs.add({ clientId, items: asked(), notes: marked('eeeeeeee') });
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_TWIN');
      assert.match(text(end), /5001 and 5002/);
      assert.equal(calls('AddOrder'), 0);
    });

    it('takes the order that Salesforce names, if client and items agree', async () => {
      world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const added = part(await process.add(input({ whmcsOrderId: '#5001' })));
      assert.equal(added.outcome, 'already');
      assert.equal(calls('AddOrder'), 0);
    });

    it('takes none where the message does not say whether another Salesforce Order names it too', async () => {
      world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const from = input({ whmcsOrderId: '5001' });
      delete from.order.sameWhmcsOrderId;
      const end = await process.add(from);
      assert.equal(code(end), 'MESSAGE_INCOMPLETE');
      assert.match(text(end), /leave it as get order has made it$/);
      assert.deepEqual([calls('AddOrder'), (await process.record()).adopted], [0, null]);
    });

    it('takes the one that it had claimed before a process ended, whoever names it too', async () => {
      world.whmcs.add({ clientId, items: asked(), by: 'person' });
      const from = input({ whmcsOrderId: '5001' });
      from.order.sameWhmcsOrderId = [`Order 00000109 (${otherOrderId})`];
      assert.equal(code(await process.add(from)), 'WHMCS_ORDER_FOREIGN');
      await process.real.claims.claim(process.whmcs.key, 5001, orderId);
      assert.equal(part(await process.add(from)).orderId, 5001);
    });

    for (const [what, make, field] of [
      ['of another client', () => world.whmcs.add({ clientId: 7, items: asked() }), '5001'],
      ['with other items', () => world.whmcs.add({ clientId, items: asked([[11, 1]]) }), '5001'],
      [
        'with another order’s mark',
        () => world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${otherOrderId};i=ffffffff-a1` }),
        '5001',
      ],
      ['that does not exist', () => undefined, '5001'],
      ['by what is no id', () => undefined, 'n/a'],
    ] as const) {
      it(`refuses an order that Salesforce names ${what}`, async () => {
        make();
        assert.equal(code(await process.add(input({ whmcsOrderId: field }))), 'WHMCS_ORDER_FOREIGN');
        assert.equal(calls('AddOrder'), 0);
        assert.equal((await process.record()).adopted, null);
        assert.equal(await process.real.claims.holder(process.whmcs.key, 5001), null);
      });
    }

    it('refuses the WHMCS order of the order that this one was cloned from', async () => {
      world.whmcs.keepsNotes = false;
      await process.add();
      await process.begin(otherOrderId);
      const clone = input({ id: otherOrderId, whmcsOrderId: '5001' });
      const end = await process.add(clone);
      assert.equal(code(end), 'WHMCS_ORDER_FOREIGN');
      assert.match(text(end), new RegExp(orderId));
      const changed = await process.add({ ...input({ id: otherOrderId, items: [[11, 9]] }), order: clone.order });
      assert.match(text(changed), new RegExp(`belongs to ${orderId}`), 'whose it is comes before what is in it');
    });

    for (const [status, expected] of [
      ['Cancelled', 'WHMCS_ORDER_GONE'],
      ['Fraud', 'WHMCS_ORDER_GONE'],
      ['On Hold', 'WHMCS_ORDER_STATUS'],
    ] as const) {
      it(`makes no new one when it is ${status}`, async () => {
        await process.add();
        world.whmcs.order(5001).status = status;
        assert.equal(code(await process.add()), expected);
        assert.equal(calls('AddOrder'), 1);
      });
    }

    it('believes that it is gone only when two reads say so', async () => {
      await process.add();
      world.whmcs.answerOrders = () => {
        world.whmcs.answerOrders = (page) => page;
        return { total: 0, start: 0, orders: [] };
      };
      assert.equal(part(await process.add()).orderId, 5001);
    });

    it('makes no new one when it was deleted', async () => {
      await process.add();
      world.whmcs.orders.length = 0;
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_ORDER_GONE');
      assert.match(text(end), /does not exist any more/);
    });

    it('takes no order of before that word that Salesforce still names, where WHMCS keeps no mark', async () => {
      world.whmcs.keepsNotes = false;
      await process.add();
      world.whmcs.order(5001).status = 'Cancelled';
      await process.add();
      await process.edit((record) => newGeneration(record) ?? assert.fail('something is unsettled'));
      assert.equal(part(await process.add(input({ whmcsOrderId: '5001' }))).orderId, 5002);
    });

    it('makes a new one, with its own mark, on a person’s word', async () => {
      await process.add();
      world.whmcs.order(5001).status = 'Cancelled';
      await process.add();
      await process.edit((record) => newGeneration(record) ?? assert.fail('something is unsettled'));
      const added = part(await process.add(input({ whmcsOrderId: '5001' })));
      assert.equal(added.orderId, 5002);
      assert.equal(added.outcome, 'created');
      assert.equal(world.whmcs.order(5002).notes, `sfOrderId=${orderId};i=${process.store.id}-a2`);
    });
  });

  describe('when the read-back shows something else', () => {
    it('does not go on with items that differ', async () => {
      world.whmcs.onAdded = () => void (world.whmcs.services[0]!.quantity = 1);
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_ORDER_DIFFERS');
      assert.match(text(end), /product 11 monthly: asked for 2, WHMCS has 1/);
      assert.equal((await process.record()).adopted?.orderId, 5001);
    });

    it('does not go on with another cycle', async () => {
      world.whmcs.onAdded = () => void (world.whmcs.services[0]!.billingCycle = 'Annually');
      assert.equal(code(await process.add()), 'WHMCS_ORDER_DIFFERS');
    });

    it('does not go on beside a second row with our mark, and names both', async () => {
      world.whmcs.onAdded = () => {
        world.whmcs.onAdded = () => undefined;
        world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` });
      };
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_TWIN');
      assert.match(text(end), /5001 and 5002/);
      assert.equal(code(await process.add()), 'WHMCS_TWIN', 'and not later either');
    });

    it('goes on once a person has cancelled the other', async () => {
      world.whmcs.onAdded = () => {
        world.whmcs.onAdded = () => undefined;
        world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` });
      };
      await process.add();
      world.whmcs.order(5002).status = 'Cancelled';
      assert.equal(part(await process.add()).orderId, 5001);
    });

    it('goes on with the other once a person has cancelled ours, and does not accept what another may have', async () => {
      world.whmcs.onAdded = () => {
        world.whmcs.onAdded = () => undefined;
        world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` });
      };
      await process.add();
      world.whmcs.order(5001).status = 'Cancelled';
      assert.equal(part(await process.add()).orderId, 5002);
      assert.equal(code(await world.until(process.flow())), 'WHMCS_ACCEPT_UNKNOWN');
      assert.equal(calls('AcceptOrder'), 0);
    });

    it('stops when another Salesforce order has claimed the row that the answer names', async () => {
      await process.real.claims.claim(process.whmcs.key, 5001, otherOrderId);
      const end = await process.add();
      assert.equal(code(end), 'WHMCS_ORDER_FOREIGN');
      assert.match(text(end), new RegExp(otherOrderId));
    });

    it('waits for a WHMCS that cannot be read just then, with the id on record', async () => {
      world.whmcs.onAdded = () =>
        void (world.whmcs.beforeRead = (action) => {
          throw awayError(action);
        });
      const run = process.again(() => process.add());
      await world.clock.advance(60_000);
      assert.equal((await process.record()).adopted?.orderId, 5001);
      world.whmcs.beforeRead = () => undefined;
      assert.equal(part(await world.until(run)).orderId, 5001);
      assert.equal(calls('AddOrder'), 1);
    });

    it('fails after ten minutes of that', async () => {
      world.whmcs.onAdded = () =>
        void (world.whmcs.beforeRead = (action) => {
          throw awayError(action);
        });
      assert.equal(code(await world.until(process.again(() => process.add()))), '503');
    });

    it('fails at once when our access is refused', async () => {
      world.whmcs.onAdded = () =>
        void (world.whmcs.beforeRead = (action) => {
          throw new WhmcsError(action, { kind: 'refused', fault: 'role', message: 'Invalid Permissions' });
        });
      assert.equal(code(await process.add()), 'WHMCS_CONFIG');
    });
  });

  describe('on two stores', () => {
    it('goes on with at most one of two installations', async () => {
      const elsewhere = await world.process(world.directory());
      await elsewhere.begin();
      const open: (() => void)[] = [];
      world.whmcs.answers = new Promise((resolve) => open.push(resolve));
      const both = Promise.all([process.add(), elsewhere.add()]);
      await world.clock.advance(100);
      open.forEach((resolve) => resolve());
      const ends = await both;
      assert.equal(world.whmcs.added.length, 2, 'each looked before the other’s row was there');
      assert.deepEqual(ends.map(code), ['WHMCS_TWIN', 'WHMCS_TWIN']);
    });
  });

  describe('on a store that may have lost records', () => {
    const monthAgo = () => world.clock.now() - 30 * 86_400_000;
    /** Retry has changed the Order just now; it was created a month ago. */
    beforeEach(() => process.begin(orderId, 2, monthAgo()));

    it('waits out the quarantine before it adds an order that is older than the store', async () => {
      const from = world.clock.monotonic();
      const end = await world.until(process.again(() => process.add()));
      assert.equal(part(end).outcome, 'created');
      assert.ok(world.clock.monotonic() - from >= 300_000);
      assert.equal(world.whmcs.added.length, 1);
    });

    it('adopts what the lost call makes meanwhile', async () => {
      world.clock.after(
        120_000,
        () => void world.whmcs.add({ clientId, items: asked(), notes: `sfOrderId=${orderId};i=ffffffff-a1` }),
      );
      assert.equal(part(await world.until(process.again(() => process.add()))).orderId, 5001);
      assert.equal(calls('AddOrder'), 0);
    });

    it('stops at rows without a mark: none of them is known', async () => {
      world.whmcs.add({ clientId, items: asked() });
      assert.equal(code(await world.until(process.again(() => process.add()))), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 0);
    });

    it('goes on, after the quarantine, beside orders of the client that are older than this one', async () => {
      for (let age = 1; age <= 30; age++)
        world.whmcs.add({ clientId, items: asked(), date: dateText(monthAgo() - (2 + age) * 86_400_000) });
      const from = world.clock.monotonic();
      assert.equal(part(await world.until(process.again(() => process.add()))).orderId, 5031);
      assert.ok(world.clock.monotonic() - from >= 300_000);
      assert.equal(calls('AddOrder'), 1);
    });

    it('counts the quarantine from when the doubt was seen: what the lost records sent was sent before', async () => {
      await process.settler.start();
      await world.clock.advance(400_000);
      const from = world.clock.monotonic();
      assert.equal(part(await world.until(process.again(() => process.add()))).outcome, 'created');
      assert.ok(world.clock.monotonic() - from < 60_000);
    });

    it('counts it anew for a doubt that is newer', async () => {
      await process.settler.start();
      await world.clock.advance(400_000);
      await process.real.setDoubt({ reason: 'restored', until: world.clock.now() });
      const from = world.clock.monotonic();
      assert.equal(part(await world.until(process.again(() => process.add()))).outcome, 'created');
      assert.ok(world.clock.monotonic() - from >= 300_000);
    });

    it('looks for a lost call also where an older one is on record, and is settled', async () => {
      await process.real.setDoubt(null);
      world.whmcs.addFaults = [{ end: 'refused' }];
      await process.add();
      await process.real.setDoubt({ reason: 'restored', until: world.clock.now() + 1 });
      world.whmcs.add({ clientId, items: asked(), date: dateText(monthAgo()) });
      assert.equal(code(await world.until(process.again(() => process.add()))), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 1, 'the one that was refused');
    });

    it('looks for a lost call also where an older one is still unsettled', async () => {
      await process.real.setDoubt(null);
      world.whmcs.addFaults = [{ end: 'unknown' }];
      await process.add();
      await process.settler.close();
      await process.real.ledger.record(orderId, { intent: 'a1', kind: 'not-sent', at: 0, detail: 'not-sent: EX' });
      await process.real.setDoubt({ reason: 'restored', until: world.clock.now() + 1 });
      world.whmcs.add({ clientId, items: asked(), date: dateText(monthAgo()) });
      const next = world.besides(process);
      assert.equal(code(await world.until(next.again(() => next.add()))), 'WHMCS_OUTCOME_UNKNOWN');
      assert.equal(calls('AddOrder'), 1, 'the one that was not answered');
    });

    it('doubts an order once, also on a wall clock that was set back', async () => {
      world.clock.setWall(world.clock.now() - 86_400_000);
      assert.equal(part(await world.until(process.again(() => process.add()))).outcome, 'created');
      assert.equal((await process.record()).adds.length, 2);
    });

    for (const [what, seen] of [
      ['that was not read', null],
      [
        'of which it is not known when it was created',
        { status: 'Activating', createdAt: null, modifiedAt: 9e15, modifiedById: '005' },
      ],
    ] as const) {
      it(`doubts an order ${what}`, async () => {
        await process.edit((record) => ({ ...record, seen }));
        assert.match(text(await process.add()), /may have lost what was done/);
      });
    }

    it('adds at once what was created since', async () => {
      await process.begin(orderId, 2, world.clock.now());
      assert.equal(part(await process.add()).outcome, 'created');
    });

    it('adds at once when an operator says that the store is whole', async () => {
      await process.real.setDoubt(null);
      assert.equal(part(await process.add()).outcome, 'created');
    });
  });

  describe('when the process stumbles', () => {
    it('sends nothing when the intent cannot be written, and goes on later', async () => {
      const { ledger } = process.real;
      const write = ledger.write.bind(ledger);
      ledger.write = async (...args) => {
        ledger.write = write;
        await write(...args);
        throw new StoreError('UNAVAILABLE', 'the disk is full');
      };
      assert.equal(code(await process.add()), 'STORE_UNAVAILABLE');
      assert.equal(calls('AddOrder'), 0);
      assert.equal(part(await world.until(process.again(() => process.add()))).outcome, 'created');
      assert.equal(world.whmcs.added.length, 1);
    });

    it('keeps the order id that an answer named although the lease was lost meanwhile', async () => {
      world.whmcs.keepsNotes = false;
      let answer = (): void => undefined;
      world.whmcs.answers = new Promise((resolve) => (answer = resolve));
      const first = process.add();
      await world.clock.advance(100);
      process.crash.paused = true;
      await world.clock.advance(40_000);
      const second = world.besides(process);
      assert.equal((await second.add()).kind, 'parked', 'the first may still be at work');
      answer();
      assert.equal((await first).kind, 'parked');
      await world.clock.advance(5_000);
      assert.equal(part(await second.add()).orderId, 5001);
      assert.deepEqual(world.whmcs.added, [5001]);
    });

    it('does not count a quarantine while the sender may still send', async () => {
      world.whmcs.addFaults = [{ end: 'unknown' }];
      world.whmcs.answers = new Promise(() => undefined);
      void process.add();
      await world.clock.advance(100);
      process.crash.paused = true;
      await world.clock.advance(40_000);
      const second = world.besides(process);
      const run = second.again(() => second.add());
      await world.clock.advance(3_600_000);
      assert.equal(calls('AddOrder'), 1, 'it was sent again beside a living sender');
      void run;
    });
  });
});
