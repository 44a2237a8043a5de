import { Refusal, type Action, type Call } from './call';
import { isTrue } from './php-body';
import { type StoredOrder, type StoredProduct, type StoredService } from './store';
import { type ModuleOutcome } from './switches';

/**
 * Accepts a Pending order: services without a module become Active; modules run one after the other if `autosetup` says
 * so or, when it is not given, the product does. The status is tested at the start and set at the end, so that two calls
 * at once run the modules twice.
 */
export const acceptOrder: Action = async (call) => {
  const { params, store, ledger, switches } = call;
  const order = store.orders.get(params.int('orderid'));
  if (order?.status !== 'Pending') throw new Refusal('Order ID not found or Status not Pending');
  const autoSetup = params.triState('autosetup');
  const errors: string[] = [];
  for (const service of store.servicesOf(order.id)) {
    if (service.status !== 'Pending') continue;
    const product = store.products.get(service.pid);
    if (!product || product.module === '') service.status = 'Active';
    else if (autoSetup ?? product.autoSetup !== '') {
      const error = await runModule(call, service, product, 'AcceptOrder');
      if (error !== null) errors.push(error);
    }
  }
  // A person may have deleted it while modules ran.
  if (store.orders.get(order.id) !== order) throw new Refusal('Order ID not found or Status not Pending');
  order.accepts++;
  if (errors.length === 0 || switches.acceptFailurePolicy === 'orderActive') order.status = 'Active';
  ledger.add('orderAccepted', {
    orderId: order.id,
    by: 'api',
    status: order.status,
    autoSetup: autoSetup ?? null,
    sendEmail: params.triState('sendemail') ?? null,
    errors,
  });
  if (errors.length > 0) throw new Refusal(errors.join(', '));
  return {};
};

/** Not idempotent: on a service that has its account the module says so. `accountid` is the old name of the parameter. */
export const moduleCreate: Action = async (call) => {
  const { params, store } = call;
  const name = params.has('serviceid') ? 'serviceid' : 'accountid';
  if (!params.has(name)) throw new Refusal('Service ID is required');
  const service = store.services.get(params.int(name));
  if (!service) throw new Refusal('Service ID not found');
  const product = store.products.get(service.pid);
  if (!product || product.module === '') throw new Refusal('Service not assigned to a module');
  const error = await runModule(call, service, product, 'ModuleCreate');
  if (error !== null) throw new Refusal(error);
  return {};
};

/** Runs a module's create inline, as WHMCS does. @returns the server's error, or null. */
async function runModule(
  call: Call,
  service: StoredService,
  product: StoredProduct,
  by: string,
): Promise<string | null> {
  const order = call.store.orders.get(service.orderId);
  const planned = plannedOutcome(call, service, order);
  const run = ++service.moduleRuns;
  const { outcome, error } = await create(call, service, planned);
  call.ledger.add('moduleRun', {
    serviceId: service.id,
    orderId: service.orderId,
    pid: service.pid,
    outcome,
    run,
    by,
  });
  if (error === null) service.status = 'Active';
  keepInQueue(call, service, product, error);
  return error;
}

function plannedOutcome({ switches }: Call, service: StoredService, order: StoredOrder | undefined): ModuleOutcome {
  if (switches.noteHook && order && isTrue(order.notes)) return 'hook-abort';
  const planned = switches.moduleOutcomes[String(service.pid)] ?? 'ok';
  return typeof planned === 'string' ? planned : (planned[Math.min(service.moduleRuns, planned.length - 1)] ?? 'ok');
}

async function create(
  { clock, switches }: Call,
  service: StoredService,
  planned: ModuleOutcome,
): Promise<{ outcome: ModuleOutcome | 'exists'; error: string | null }> {
  switch (planned) {
    case 'hook-abort':
      return { outcome: planned, error: 'Function Aborted by Action Hook Code' };
    case 'fail':
      return { outcome: planned, error: 'Could not connect to host panel7.example.net: Connection refused' };
    case 'timeout':
      await clock.pause(switches.moduleTimeoutMs);
      return { outcome: planned, error: 'Could not connect to host panel7.example.net: timed out' };
    case 'after-commit-fail':
      if (service.remoteAccount) break;
      service.remoteAccount = true;
      return { outcome: planned, error: 'Error 500: the server answered with an empty response' };
    case 'slow':
      await clock.pause(switches.moduleSlowMs);
      break;
    case 'ok':
  }
  if (service.remoteAccount) return { outcome: 'exists', error: `The account acct${service.id} already exists` };
  service.remoteAccount = true;
  return { outcome: planned, error: null };
}

function keepInQueue(
  { store, clock, switches }: Call,
  service: StoredService,
  product: StoredProduct,
  error: string | null,
): void {
  const known = store.moduleQueue.find((item) => item.serviceId === service.id && !item.completed);
  if (error === null) {
    if (known) known.completed = true;
  } else if (known) {
    known.retries++;
    known.lastAttempt = clock.now();
    known.lastError = error;
  } else if (switches.queueModuleFailures) {
    store.moduleQueue.push({
      id: store.moduleQueue.length + 1,
      serviceId: service.id,
      module: product.module,
      lastAttempt: clock.now(),
      lastError: error,
      retries: 0,
      completed: false,
    });
  }
}

/** Filters: relatedId (the service's id), moduleName, moduleAction, serviceType, since. */
export const getModuleQueue: Action = ({ params, store, shapes }) => {
  const related = params.int('relatedId');
  const unwanted = (name: string, value: string): boolean =>
    params.has(name) && params.text(name).toLowerCase() !== value.toLowerCase();
  const found = store.moduleQueue.filter(
    (item) =>
      (related === 0 || item.serviceId === related) &&
      !unwanted('moduleName', item.module) &&
      !unwanted('moduleAction', 'CreateAccount') &&
      !unwanted('serviceType', 'service') &&
      (!params.has('since') || shapes.dateTime(item.lastAttempt) >= params.text('since')),
  );
  const queue = found.map((item) => ({
    id: item.id,
    serviceType: 'service',
    serviceId: item.serviceId,
    moduleName: item.module,
    moduleAction: 'CreateAccount',
    lastAttempt: shapes.dateTime(item.lastAttempt),
    lastAttemptError: shapes.text(item.lastError),
    numRetries: item.retries,
    completed: item.completed ? 1 : 0,
  }));
  return { count: queue.length, queue: shapes.plainList(queue) };
};
