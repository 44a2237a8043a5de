import { page, type Action, type Call } from './call';
import { cycleNames, groups, hasChoices, money, type ProductOption, type StoredService } from './store';
import { isAtLeast } from './switches';

/** Filters: clientid, serviceid, pid, domain, username2. With none, everyone's services. */
export const getClientsProducts: Action = (call) => {
  const { params, store, shapes, switches } = call;
  const [clientId, serviceId, pid] = [params.int('clientid'), params.int('serviceid'), params.int('pid')];
  const domain = params.text('domain').toLowerCase();
  const found = [...store.services.values()].filter(
    (service) =>
      (clientId === 0 || service.clientId === clientId) &&
      (serviceId === 0 || service.id === serviceId) &&
      (pid === 0 || service.pid === pid) &&
      (domain === '' || service.domain.toLowerCase() === domain) &&
      // No service has a username here.
      !params.has('username2'),
  );
  if (switches.servicesOrdering === 'newestFirst') found.reverse();
  const { start, rows } = page(call, found);
  const echo = (name: string): string | null => (params.has(name) ? params.text(name) : null);
  return {
    clientid: echo('clientid'),
    serviceid: echo('serviceid'),
    pid: echo('pid'),
    domain: echo('domain'),
    totalresults: String(found.length),
    startnumber: start,
    numreturned: rows.length,
    products: shapes.list(
      'product',
      rows.map((service) => serviceShape(call, service)),
    ),
  };
};

function serviceShape(call: Call, service: StoredService): Record<string, unknown> {
  const { store, shapes, switches } = call;
  const product = store.products.get(service.pid);
  const name = shapes.text(product?.name ?? '');
  const group = shapes.text(groups[product?.groupId ?? 1] ?? '');
  const recurs = service.cycle !== 'free' && service.cycle !== 'onetime';
  return {
    id: String(service.id),
    ...(isAtLeast(switches.version, '8.12') ? { qty: String(service.quantity) } : {}),
    clientid: String(service.clientId),
    orderid: String(service.orderId),
    ordernumber: String(store.orders.get(service.orderId)?.orderNumber ?? ''),
    pid: String(service.pid),
    regdate: shapes.date(service.createdAt),
    name,
    translated_name: name,
    groupname: group,
    translated_groupname: group,
    domain: shapes.text(service.domain),
    dedicatedip: '',
    serverid: '0',
    servername: '',
    serverip: '',
    serverhostname: '',
    suspensionreason: '',
    firstpaymentamount: money(service.firstPayment),
    recurringamount: money(service.recurring),
    paymentmethod: service.paymentMethod,
    paymentmethodname: shapes.text(store.gatewayName(service.paymentMethod)),
    billingcycle: cycleNames[service.cycle],
    nextduedate: recurs ? shapes.date(service.createdAt) : '0000-00-00',
    status: service.status,
    username: service.remoteAccount ? `acct${service.id}` : '',
    // A secret, as WHMCS answers it: clients must not log it.
    password: service.remoteAccount ? `Initial-Password-${service.id}` : '',
    subscriptionid: '',
    promoid: '0',
    overideautosuspend: '',
    overidesuspenduntil: '0000-00-00',
    ns1: '',
    ns2: '',
    assignedips: '',
    notes: '',
    diskusage: '0',
    disklimit: '0',
    bwusage: '0',
    bwlimit: '0',
    lastupdate: '0000-00-00 00:00:00',
    customfields: shapes.list(
      'customfield',
      (product?.customFields ?? []).map((field) => ({
        id: String(field.id),
        name: shapes.text(field.name),
        value: shapes.text(service.customFields.get(field.id) ?? ''),
      })),
    ),
    configoptions: shapes.list(
      'configoption',
      (product?.configOptions ?? []).map((option) => ({
        id: String(option.id),
        option: shapes.text(option.name),
        type: option.type,
        value: shapes.text(optionText(option, service.configOptions.get(option.id))),
      })),
    ),
  };
}

/** The name of a choice; a quantity, and yes and no, as a number. */
function optionText(option: ProductOption, value: number | undefined): string {
  if (!hasChoices(option)) return String(value ?? '');
  return option.choices.find((choice) => choice.id === value)?.name ?? '';
}
