/**
 * A worker: one process on a store, as a Node-RED with the reference flow would be, but without Node-RED, which takes
 * seconds to start and would have to for each kill. Everything of lib/ is the real thing and real HTTP and gRPC go to the
 * simulators; in the place of the nodes' input wrapper there is `worker-flow.ts`.
 *
 * It says lines of JSON on its output, written at once, so that the last is out before a SIGKILL or SIGSTOP of its own.
 */
import { readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { acceptOrder, acceptOrderDefaults } from '../../lib/provisioning/accept-order';
import { addOrder, addOrderDefaults } from '../../lib/provisioning/add-order';
import { clientCheck } from '../../lib/provisioning/client-check';
import { getOrder } from '../../lib/provisioning/get-order';
import { Intake } from '../../lib/provisioning/intake';
import { mapping } from '../../lib/provisioning/mapping';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { repairByHand } from '../../lib/provisioning/repair-by-hand';
import { SharedStore } from '../../lib/provisioning/shared-store';
import { updateOrder } from '../../lib/provisioning/update-order';
import type { Facts, Log } from '../../lib/log';
import { createSalesforce } from '../../lib/salesforce/connection';
import { defaultFieldNames } from '../../lib/salesforce/contract';
import { createPubSubSubscriber } from '../../lib/salesforce/events/pubsub';
import { thisProcess } from '../../lib/state/sender';
import { Catalogue } from '../../lib/whmcs/catalogue';
import { createWhmcs } from '../../lib/whmcs/connection';
import { Boundaries } from './boundaries';
import { seemAnotherHost } from './other-host';
import { openPlace } from './open-place';
import { told, workerOptions, type Said, type Told } from './orders-to-worker';
import { scaledClock } from './scaled-clock';
import { withoutTooth } from './toothless';
import { WorkerFlow } from './worker-flow';

const channel = '/event/OrderProvisionRequested__e';
const options = workerOptions.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
if (options.host !== null) seemAnotherHost(options.host);
const clock = scaledClock(options.pace);
const { instance, salesforce: sf, whmcs: wh } = options;

const say = (line: Said): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const logAt =
  (level: string) =>
  (text: string, facts: Facts = {}): void => {
    say({ is: 'log', level, text: `${text} ${JSON.stringify(facts)}` });
  };
const log: Log = { debug: () => undefined, info: logAt('info'), warn: logAt('warn'), error: logAt('error') };

const asked = new Map<number, () => void>();
let made = 0;
const boundaries = new Boundaries(options.orders, {
  now(at, deed) {
    say({ is: 'deed', at, deed });
    process.kill(process.pid, deed.kind === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  },
  ask(at, what) {
    const id = ++made;
    say({ is: 'asks', at, what, id });
    return new Promise((resolve) => asked.set(id, resolve));
  },
});

const salesforce = boundaries.salesforce(
  createSalesforce({
    loginUrl: sf.url,
    audience: 'https://login.salesforce.com',
    clientId: sf.clientId,
    username: sf.username,
    privateKey: { pem: sf.key },
    clock,
    log,
  }),
);
const whmcs = boundaries.whmcs(
  createWhmcs({
    url: wh.url,
    identifier: wh.identifier,
    secret: wh.secret,
    writeTimeoutMs: wh.writeTimeoutMs,
    maxParallel: 4,
    clock,
    log,
  }),
);
const catalogue = new Catalogue(whmcs, clock);

/** Longer than a person would set it: at this pace a busy machine's scheduler takes seconds. */
const sendByMs = 20_000;

async function open(): Promise<Provisioning> {
  const whole = await openPlace(options.place, clock, options.pace.rate, instance);
  const store = boundaries.store(options.tooth === null ? whole : withoutTooth(whole, options.tooth));
  return new Provisioning({ store, sender: thisProcess(instance), clock, log, whmcsOf: () => whmcs });
}

async function main(): Promise<void> {
  const shared = new SharedStore(open, { place: 'the place of the proof', clock, log });
  const hear = (line: Told): void => {
    if (line.do === 'go on') {
      asked.get(line.id)?.();
      asked.delete(line.id);
    } else if (line.do === 'end') process.exit(0);
    else if (line.do === 'count') boundaries.counts = true;
    else if (line.do === 'cancel twin') void cancel(shared.provisioning, line);
    else
      void rests(shared.provisioning)
        // After a stop, say, the connection to the store has to be made anew.
        .catch((error: unknown) => `the store does not answer: ${String(error)}`)
        .then((why) => say({ is: 'rests', yes: why === '', why }));
  };
  createInterface({ input: process.stdin }).on('line', (line) => hear(told.parse(JSON.parse(line))));
  // A parent that is gone asks for nothing any more.
  process.stdin.on('end', () => process.exit(0));

  const provisioning = await shared.ready;
  const flow = new WorkerFlow(provisioning, {
    steps: [
      getOrder({ fields: defaultFieldNames, pricebookId: null }, salesforce),
      clientCheck({ paymentMethod: 'mailin' }, whmcs, catalogue),
      mapping(catalogue),
      addOrder({ ...addOrderDefaults, resend: options.resend, marker: options.marker, sendByMs }, whmcs),
      acceptOrder({ ...acceptOrderDefaults, sendByMs }, whmcs),
    ],
    onward: ['go', 'next', 'mapped'],
    end: updateOrder({ status: 'message' }),
  });
  provisioning.useSalesforce(salesforce, defaultFieldNames);
  const intake = new Intake({
    provisioning,
    channel,
    orderIdField: 'OrderId__c',
    activationStatusField: 'Activation_Status__c',
    replay: 'ALL',
    maxInWork: 4,
    silenceMs: 300_000,
    uncaught: 'fail',
    sweep: {
      read: (after, limit, signal) =>
        salesforce.activatingOrders(
          { fields: defaultFieldNames, status: 'Activating', pricebookId: null, after, limit },
          signal,
        ),
    },
    createSubscriber: (sink) =>
      createPubSubSubscriber({ channel, auth: salesforce.auth, sink, clock, log, endpoint: sf.pubsub }),
    newMessageId: () => `m${++made}`,
    deliver: (event) => void flow.run(event),
  });
  flow.intake = intake;
  boundaries.counts = options.counts;
  await provisioning.start();
  await intake.start();
  say({ is: 'ready' });
}

async function cancel(provisioning: Provisioning | null, line: Extract<Told, { do: 'cancel twin' }>): Promise<void> {
  if (provisioning === null) return log.warn('Nobody takes the word: the store is not open');
  const { orderId, whmcsOrderId } = line;
  const answers = await repairByHand('cancel twin', { orderId, whmcsOrderId }, provisioning).catch(String);
  log.info('cancel twin', { order: orderId, answer: JSON.stringify(answers) });
}

/** What is left to do; '': nothing. */
async function rests(provisioning: Provisioning | null): Promise<string> {
  // Another process owns the store, and speaks for it.
  if (provisioning === null) return '';
  const { inbox, ledger } = provisioning.store;
  const { waiting, inWork, parked } = await inbox.counts(null);
  if (waiting + inWork + parked > 0) return `${waiting} waiting, ${inWork} in work, ${parked} parked`;
  for (const todo of ['report', 'settle']) if ((await ledger.withTodo(todo, 1)).length > 0) return `orders to ${todo}`;
  return '';
}

// The loop must not end while all timers are unreferenced.
setInterval(() => undefined, 60_000);
main().catch((error: unknown) => {
  writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(70);
});
