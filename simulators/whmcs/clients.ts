import { Refusal, type Action } from './call';
import { currencies, type StoredClient } from './store';

/** By clientid or email. Repeats the client's fields at the top level, which is deprecated but still there. */
export const getClientsDetails: Action = ({ params, store, shapes }) => {
  if (!params.has('clientid') && !params.has('email')) throw new Refusal('Either clientid Or email Is Required');
  const email = params.text('email').toLowerCase();
  const found = params.has('clientid')
    ? store.clients.get(params.int('clientid'))
    : [...store.clients.values()].find((client) => client.email.toLowerCase() === email);
  if (!found) throw new Refusal('Client Not Found');
  const name = shapes.text(`${found.firstName} ${found.lastName}`);
  const client = {
    client_id: found.id,
    owner_user_id: ownerOf(found),
    userid: found.id,
    id: found.id,
    uuid: `6e0b5d1c-0000-4000-8000-${String(found.id).padStart(12, '0')}`,
    firstname: shapes.text(found.firstName),
    lastname: shapes.text(found.lastName),
    fullname: name,
    companyname: shapes.text(found.company),
    email: found.email,
    status: found.status,
    currency: currencies.find((currency) => currency.code === found.currency)?.id,
    currency_code: found.currency,
    defaultgateway: found.defaultGateway,
    groupid: 0,
    credit: '0.00',
    taxexempt: false,
    billingcid: 0,
    lastlogin: 'Date: 19/11/2026 10:01<br>IP Address: 198.51.100.7<br>Host: host.example.test',
    customfields: shapes.plainList(found.customFields.map(({ id, value }) => ({ id, value: shapes.text(value) }))),
    ...Object.fromEntries(
      found.customFields.map(({ value }, index) => [`customfields${index + 1}`, shapes.text(value)]),
    ),
    users: { user: [{ id: ownerOf(found), name, email: found.email, is_owner: true }] },
  };
  return { ...client, client, ...(params.flag('stats') ? { stats: { numdueinvoices: '0' } } : {}) };
};

/** Id of the user behind a client, since 8.0. */
export function ownerOf(client: StoredClient): number {
  return client.id + 10_000;
}

/** Cards and bank accounts. The filter takes two types only. */
export const getPayMethods: Action = ({ params, store, shapes, clock }) => {
  if (!params.has('clientid')) throw new Refusal('Client ID Is Required');
  const client = store.clients.get(params.int('clientid'));
  if (!client) throw new Refusal('Client Not Found');
  const type = params.text('type');
  if (type !== '' && type !== 'BankAccount' && type !== 'CreditCard') {
    throw new Refusal("Invalid Pay Method Type. Should be 'BankAccount' or 'CreditCard'");
  }
  const wanted = params.int('paymethodid');
  const methods = client.payMethods
    .filter((method) => (wanted === 0 || method.id === wanted) && (type === '' || method.type.endsWith(type)))
    .map((method) => {
      const isCard = method.type.endsWith('CreditCard');
      const shared = {
        id: method.id,
        type: method.type,
        description: shapes.text(method.description),
        gateway_name: method.gateway,
        contact_type: 'Client',
        contact_id: client.id,
      };
      const details = isCard
        ? {
            card_last_four: method.lastFour ?? '',
            expiry_date: method.expiry ?? '',
            start_date: '',
            issue_number: '',
            card_type: 'Visa',
          }
        : { bank_name: 'First Sample Bank' };
      return {
        ...shared,
        ...details,
        remote_token: method.type.startsWith('Remote') ? '{"customer":"cus_demo","method":"pm_demo"}' : '',
        last_updated: localised(shapes.dateTime(clock.now() - 86_400_000)),
      };
    });
  return { clientid: String(client.id), paymethods: shapes.plainList(methods) };
};

/** 17/05/2019 10:01, as the admin's date format has it. */
function localised(dateTime: string): string {
  const [date = '', time = ''] = dateTime.split(' ');
  return `${date.split('-').reverse().join('/')} ${time.slice(0, 5)}`;
}
