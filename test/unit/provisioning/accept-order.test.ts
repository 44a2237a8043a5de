/** Accepting an order, seen from WHMCS: sent once, and believed only by what can be read back. */
import assert from 'node:assert/strict';
import type { OrderRecord } from '../../../lib/provisioning/order-record';
import type { WhmcsPart } from '../../../lib/provisioning/message';
import { code, inAFreshWorld, part, text } from './vendor-doubles/fresh-world';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId, input, orderId, type World, type End, type Process } from './vendor-doubles/world';

let world: World;
let process: Process;
let added: WhmcsPart;

const accept = (): Promise<End> => process.accept(added);
const acceptToTheEnd = (): Promise<End> => world.until(process.again(accept));
const sent = (): number => world.whmcs.calls.filter((call) => call === 'AcceptOrder').length;

describe('Accepting an order', () => {
  inAFreshWorld(async (...made) => {
    [world, process] = made;
    added = part(await process.add());
  });

  it('sends AcceptOrder once, with what it should do said outright, and reads the services back', async () => {
    const end = part(await accept());
    assert.deepEqual(
      world.whmcs.ledger.filter((line) => line.what === 'accepted'),
      [{ what: 'accepted', orderId: 5001, autoSetup: true, sendEmail: true }],
    );
    assert.deepEqual(end, { ...added, status: 'Active' });
  });

  it('says no as outright as yes', async () => {
    await process.accept(added, input(), { autoSetup: false, sendEmail: false });
    const [line] = world.whmcs.ledger.filter((one) => one.what === 'accepted');
    assert.deepEqual(line, { what: 'accepted', orderId: 5001, autoSetup: false, sendEmail: false });
  });

  it('keeps which service is which item’s, for this attempt', async () => {
    await accept();
    assert.deepEqual((await process.record()).accepted, {
      at: world.clock.now(),
      attempt: 1,
      services: [
        { orderItemId: '8020', serviceId: 9001 },
        { orderItemId: '8021', serviceId: 9002 },
      ],
      warning: null,
    });
  });

  it('has the intent on record before the call, and nothing unsettled after it', async () => {
    let during: OrderRecord | undefined;
    world.whmcs.onAccepted = () => void process.record().then((record) => (during = record));
    await accept();
    assert.deepEqual(during?.todo, ['settle']);
    assert.equal(during.accepts[0]?.settled, null);
    const record = await process.record();
    assert.equal(record.accepts[0]?.settled?.how, 'done');
    assert.deepEqual(record.todo, []);
  });

  it('sends nothing for an order that is Active already', async () => {
    world.whmcs.accept(5001);
    assert.equal(part(await accept()).status, 'Active');
    assert.equal(sent(), 0);
    assert.equal((await process.record()).accepted?.attempt, 1);
  });

  it('sends nothing when it is run again, and proves the accept anew for a new attempt', async () => {
    await accept();
    await process.begin(orderId, 2);
    assert.equal(part(await accept()).status, 'Active');
    assert.equal(sent(), 1);
    assert.equal((await process.record()).accepted?.attempt, 2);
  });

  it('refuses in an attempt that has ended', async () => {
    await process.edit((record) => ({ ...record, attemptState: 'closed' }));
    assert.equal(code(await accept()), 'ATTEMPT_CLOSED');
    assert.equal(sent(), 0);
  });

  it('refuses an order that the ledger does not know', async () => {
    assert.equal(code(await process.accept({ ...added, orderId: 7 })), 'MESSAGE_INCOMPLETE');
    assert.equal(sent(), 0);
  });

  it('refuses one that was never checked whole: it has a twin', async () => {
    world.whmcs.add({ clientId, items: asked(), notes: world.whmcs.order(5001).notes });
    await process.edit((record) => ({ ...record, adopted: record.adopted && { ...record.adopted, verified: false } }));
    assert.equal(code(await accept()), 'WHMCS_TWIN');
    assert.equal(sent(), 0);
  });

  describe('when WHMCS does nothing', () => {
    it('fails when it was not sent, and sends on the next try', async () => {
      world.whmcs.acceptFaults = [{ end: 'not-sent', code: 'ECONNREFUSED' }];
      assert.equal(code(await accept()), 'WHMCS_UNREACHABLE');
      assert.equal(part(await accept()).status, 'Active');
      assert.equal(sent(), 1);
    });

    it('does not send once the send-by has passed, and sends when it comes again', async () => {
      const end = await process.accept(added, input(), { sendByMs: -1 });
      assert.equal(
        end.kind === 'parked' && end.reason,
        'AcceptOrder could not leave in time, so it was not sent; it is tried again',
      );
      assert.equal(sent(), 0);
      assert.equal(part(await accept()).status, 'Active');
      assert.equal(sent(), 1);
    });

    it('fails at the third time in a row that it could not leave in time', async () => {
      const late = () => process.accept(added, input(), { sendByMs: -1 });
      assert.deepEqual([(await late()).kind, (await late()).kind], ['parked', 'parked']);
      assert.equal(code(await late()), 'WHMCS_UNREACHABLE');
      assert.equal(sent(), 0);
    });

    it('fails when our role may not, and sends once it may', async () => {
      world.whmcs.acceptFaults = [
        { end: 'refused', fault: 'role', message: 'Invalid Permissions: API action "acceptorder" is not allowed' },
      ];
      const end = await accept();
      assert.equal(code(end), 'WHMCS_CONFIG');
      assert.match(text(end), /acceptorder/);
      assert.equal(part(await accept()).status, 'Active');
      assert.equal(world.whmcs.added.length, 1);
    });

    it('fails with WHMCS’s text when it refuses a Pending order', async () => {
      world.whmcs.acceptFaults = [{ end: 'refused', fault: 'business', message: 'Access to order denied' }];
      const end = await accept();
      assert.equal(code(end), 'WHMCS_ACCEPT_REFUSED');
      assert.match(text(end), /Access to order denied/);
    });

    it('is done when it refuses because a person has accepted it meanwhile', async () => {
      let looks = 0;
      world.whmcs.beforeRead = () => void (looks++ === 1 && world.whmcs.accept(5001));
      world.whmcs.acceptFaults = [
        { end: 'refused', fault: 'business', message: 'Order ID not found or Status not Pending' },
      ];
      assert.equal(part(await accept()).status, 'Active');
      assert.ok(world.whmcs.moduleRuns.every((runs) => runs === 1));
    });
  });

  describe('when modules fail', () => {
    it('names the services that are not live, and sends nothing again', async () => {
      world.whmcs.acceptFaults = [{ end: 'unclear', message: 'Could not connect to host panel7', failing: [1] }];
      const end = await accept();
      assert.equal(code(end), 'WHMCS_PARTIALLY_PROVISIONED');
      assert.match(text(end), /not live: 9002 Product 20 \(Pending\); WHMCS said: Could not connect to host panel7/);
      assert.equal(code(await accept()), 'WHMCS_PARTIALLY_PROVISIONED');
      assert.equal(sent(), 1);
    });

    it('is done on Retry, once a person has set them up', async () => {
      world.whmcs.acceptFaults = [{ end: 'unclear', failing: [1] }];
      await accept();
      world.whmcs.services.forEach((service) => (service.status = 'Active'));
      await process.begin(orderId, 2);
      assert.equal(part(await accept()).status, 'Active');
      assert.equal(sent(), 1);
    });

    it('does not believe a success whose services are not live', async () => {
      world.whmcs.acceptFaults = [{ end: 'success', failing: [0, 1] }];
      assert.equal(code(await accept()), 'WHMCS_PARTIALLY_PROVISIONED');
    });

    it('takes Completed for live', async () => {
      world.whmcs.accept(5001);
      world.whmcs.services.forEach((service) => (service.status = 'Completed'));
      assert.equal(part(await accept()).status, 'Active');
    });

    it('goes on with a warning when all is live after an error', async () => {
      world.whmcs.acceptFaults = [{ end: 'unclear', message: 'Welcome mail failed', failing: [] }];
      assert.equal(part(await accept()).warning, 'Welcome mail failed');
      assert.equal((await process.record()).accepted?.warning, 'Welcome mail failed');
    });

    it('never sends again where an error has left the order Pending: modules may have run', async () => {
      world.whmcs.acceptFaults = [{ end: 'unclear', message: 'HTTP 500 from panel7', failing: [], leaves: 'Pending' }];
      const end = await accept();
      assert.equal(code(end), 'WHMCS_ACCEPT_UNKNOWN');
      assert.match(text(end), /still Pending; WHMCS said: HTTP 500 from panel7/);
      await process.begin(orderId, 2);
      assert.equal(code(await accept()), 'WHMCS_ACCEPT_UNKNOWN');
      assert.equal(sent(), 1);
      assert.ok(world.whmcs.moduleRuns.every((runs) => runs === 1));
    });

    it('is done on Retry, once a person has accepted it by hand', async () => {
      world.whmcs.acceptFaults = [{ end: 'unclear', failing: [], leaves: 'Pending' }];
      await accept();
      world.whmcs.order(5001).status = 'Active';
      await process.begin(orderId, 2);
      assert.equal(part(await accept()).status, 'Active');
    });
  });

  describe('when its answer is lost', () => {
    it('is done as soon as the order is seen live', async () => {
      world.whmcs.acceptFaults = [{ end: 'unknown', run: 'now' }];
      assert.equal(part(await accept()).status, 'Active');
      assert.equal(sent(), 1);
    });

    it('waits for modules that run for minutes', async () => {
      world.whmcs.acceptFaults = [{ end: 'unknown', run: 200_000 }];
      assert.equal(part(await acceptToTheEnd()).status, 'Active');
      assert.equal(sent(), 1);
      assert.deepEqual(
        process.settled.map(({ settled }) => settled.kind),
        ['accepted'],
      );
    });

    it('asks a person when the order is still Pending after the quarantine, and sends nothing', async () => {
      world.whmcs.acceptFaults = [{ end: 'unknown' }];
      const from = world.clock.monotonic();
      assert.equal((await accept()).kind, 'parked');
      await world.clock.advance(310_000);
      const [told] = process.settled;
      assert.equal(told?.settled.kind === 'acceptFailed' && told.settled.failure.code, 'WHMCS_ACCEPT_UNKNOWN');
      assert.equal(code(await accept()), 'WHMCS_ACCEPT_UNKNOWN');
      assert.ok(world.clock.monotonic() - from >= 300_000);
      assert.equal(sent(), 1);
    });

    it('does not call services dead that may be being set up', async () => {
      world.whmcs.acceptFaults = [{ end: 'unknown' }];
      const run = process.again(accept);
      await world.clock.advance(30_000);
      world.whmcs.order(5001).status = 'Active';
      await world.clock.advance(120_000);
      assert.deepEqual(process.settled, []);
      world.whmcs.services.forEach((service) => (service.status = 'Active'));
      assert.equal(part(await world.until(run)).status, 'Active');
    });

    it('goes on looking while WHMCS cannot be read', async () => {
      world.whmcs.acceptFaults = [{ end: 'unknown', run: 'now' }];
      world.whmcs.onAccepted = () =>
        void (world.whmcs.beforeRead = (action) => {
          throw awayError(action);
        });
      const run = process.again(accept);
      await world.clock.advance(20_000);
      const [told] = process.settled;
      assert.equal(told?.settled.kind, 'cannotRead');
      world.whmcs.beforeRead = () => undefined;
      assert.equal(part(await world.until(run)).status, 'Active');
    });
  });

  for (const [status, expected] of [
    ['Cancelled', 'WHMCS_ORDER_GONE'],
    ['Fraud', 'WHMCS_ORDER_GONE'],
    ['On Hold', 'WHMCS_ORDER_STATUS'],
  ] as const) {
    it(`fails when the order is ${status}`, async () => {
      world.whmcs.order(5001).status = status;
      assert.equal(code(await accept()), expected);
      assert.equal(sent(), 0);
    });
  }

  it('accepts nothing of another WHMCS than the node’s', async () => {
    await process.edit((record) => ({
      ...record,
      adopted: record.adopted && { ...record.adopted, whmcs: 'https://old' },
    }));
    assert.equal(code(await accept()), 'WHMCS_ORDER_FOREIGN');
    assert.equal(sent(), 0);
  });

  it('accepts nothing while a call to add is unsettled', async () => {
    await process.edit((record) => ({ ...record, adds: record.adds.map((one) => ({ ...one, settled: null })) }));
    assert.equal((await accept()).kind, 'parked');
    assert.equal(sent(), 0);
  });

  it('fails when the order was deleted', async () => {
    world.whmcs.orders.length = 0;
    assert.equal(code(await accept()), 'WHMCS_ORDER_GONE');
  });

  it('counts the accept as sent where the store may have lost that it was', async () => {
    await process.real.setDoubt({ reason: 'an older copy was put in place', until: world.clock.now() + 1 });
    await world.clock.advance(60_000);
    await process.begin(orderId, 2);
    assert.equal(code(await acceptToTheEnd()), 'WHMCS_ACCEPT_UNKNOWN', 'though Retry has changed the Order since');
    assert.equal(sent(), 0);
  });

  it('counts it as sent there too beside an older one that WHMCS refused', async () => {
    world.whmcs.acceptFaults = [{ end: 'refused', fault: 'role', message: 'Invalid Permissions' }];
    await accept();
    await process.real.setDoubt({ reason: 'an older copy was put in place', until: world.clock.now() + 1 });
    await world.clock.advance(60_000);
    assert.equal(code(await acceptToTheEnd()), 'WHMCS_ACCEPT_UNKNOWN');
    assert.equal(sent(), 1);
  });

  it('goes on where the accept was refused after the span in doubt', async () => {
    const from = world.clock.now();
    await world.clock.advance(1_000);
    world.whmcs.acceptFaults = [{ end: 'refused', fault: 'role', message: 'Invalid Permissions' }];
    await accept();
    await process.real.setDoubt({ reason: 'an operator says so', until: from + 500 });
    assert.equal(part(await accept()).status, 'Active');
  });

  it('says at once what is known of an accept that was sent, in doubt or not', async () => {
    world.whmcs.acceptFaults = [{ end: 'unclear', failing: [], leaves: 'Pending' }];
    await accept();
    await process.real.setDoubt({ reason: 'an older copy was put in place', until: world.clock.now() + 1 });
    assert.equal(code(await accept()), 'WHMCS_ACCEPT_UNKNOWN');
    assert.equal((await process.record()).accepts.length, 1);
  });
});
