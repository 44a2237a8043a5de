/**
 * Orders, one after the other, each from its event to its result in Salesforce: how long it took, how much was written for
 * it, how long the writes took. The flow is the reference flow without Node-RED; the vendors are the simulators.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Clock } from '../../lib/clock';
import { silentLog } from '../../lib/log';
import { acceptOrder, acceptOrderDefaults } from '../../lib/provisioning/accept-order';
import { addOrder, addOrderDefaults } from '../../lib/provisioning/add-order';
import { clientCheck } from '../../lib/provisioning/client-check';
import { getOrder } from '../../lib/provisioning/get-order';
import { Intake } from '../../lib/provisioning/intake';
import { mapping } from '../../lib/provisioning/mapping';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { updateOrder } from '../../lib/provisioning/update-order';
import { createSalesforce } from '../../lib/salesforce/connection';
import { defaultFieldNames } from '../../lib/salesforce/contract';
import { stoppedState } from '../../lib/salesforce/events/subscriber-state';
import type { StateStore } from '../../lib/state/contract';
import { openRedisStore } from '../../lib/state/redis/engine';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import { Catalogue } from '../../lib/whmcs/catalogue';
import { createWhmcs } from '../../lib/whmcs/connection';
import { workerOptions } from '../../test/prove/orders-to-worker';
import { scaledClock } from '../../test/prove/scaled-clock';
import { WorkerFlow } from '../../test/prove/worker-flow';
import { CountedWrites } from './counted-writes';
import { intakeSettings } from '../../test/intake-settings';

const channel = '/event/OrderProvisionRequested__e';
const options = workerOptions
  .pick({ pace: true, place: true, salesforce: true, whmcs: true })
  .extend({ orderIds: z.array(z.string()), warmUp: z.number() })
  .parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));

const instance = 'bench';

function open(clock: Clock): Promise<StateStore> {
  const { place } = options;
  if (place.engine === 'redis') return openRedisStore({ connection: { url: place.url }, clock, instance });
  return openEmbeddedStore({ directory: place.directory, clock, instance });
}

async function main(): Promise<void> {
  const clock = scaledClock(options.pace);
  const log = silentLog;
  const { salesforce: sf, whmcs: wh } = options;
  const salesforce = createSalesforce({
    loginUrl: sf.url,
    audience: 'https://login.salesforce.com',
    clientId: sf.clientId,
    username: sf.username,
    privateKey: { pem: sf.key },
    clock,
    log,
  });
  const { url, identifier, secret } = wh;
  const whmcs = createWhmcs({ url, identifier, secret, maxParallel: 4, clock, log });
  const catalogue = new Catalogue(whmcs, clock);
  let told = (): void => undefined;
  const counted = new CountedWrites(await open(clock), () => told());
  const { store } = counted;
  const provisioning = new Provisioning({ store, sender: thisProcess(instance), clock, log, whmcsOf: () => whmcs });
  const flow = new WorkerFlow(provisioning, {
    steps: [
      getOrder({ fields: defaultFieldNames, pricebookId: null }, salesforce),
      clientCheck({ paymentMethod: 'mailin' }, whmcs, catalogue),
      mapping(catalogue),
      addOrder(addOrderDefaults, whmcs),
      acceptOrder(acceptOrderDefaults, whmcs),
    ],
    onward: ['go', 'next', 'mapped'],
    end: updateOrder({ status: 'message' }),
  });
  provisioning.useSalesforce(salesforce, defaultFieldNames);
  let made = 0;
  const intake = new Intake({
    provisioning,
    ...intakeSettings,
    channel,
    maxInWork: 4,
    createSubscriber: () => silent,
    newMessageId: () => `m${++made}`,
    deliver: (event) => void flow.run(event),
  });
  flow.intake = intake;
  // As on a store that has been there for a while: nothing is settled first.
  await store.setDoubt(null);
  await provisioning.start();
  await intake.start();
  const orders = [];
  for (const orderId of options.orderIds) {
    const isTold = new Promise<void>((resolve) => (told = resolve));
    counted.taken();
    const from = performance.now();
    const position = { replayId: Buffer.from(orderId).toString('base64'), fence: 1, sequence: ++made };
    await store.inbox.add(
      {
        channel,
        replayId: position.replayId,
        eventId: orderId,
        createdAt: clock.now(),
        receivedAt: clock.now(),
        orderId,
        delivery: 'live',
        payload: { OrderId__c: orderId },
      },
      position,
    );
    intake.poke();
    await isTold;
    const ms = performance.now() - from;
    // What still comes to an end behind the result belongs to this order too.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const event = (await store.inbox.ofOrder(orderId))[0];
    if (event?.end !== 'Activated') throw new Error(`${orderId} ended as ${event?.end}: ${event?.reason}`);
    orders.push({ ms, writes: counted.taken() });
  }
  console.log(JSON.stringify(orders.slice(options.warmUp)));
  await intake.stop();
  await provisioning.close();
  salesforce.close();
  whmcs.close();
}

const silent = {
  state: { ...stoppedState(channel), phase: 'connected' as const },
  start: () => undefined,
  poke: () => undefined,
  onState: () => () => undefined,
  close: () => Promise.resolve(),
};

// The loop must not end while all timers are unreferenced.
const alive = setInterval(() => undefined, 60_000);
main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => clearInterval(alive));
