import assert from 'node:assert/strict';
import { asked, load, nodeOf, openForm, types, verdict, word, type Type } from './palette';

const loaded = new Map(types.map((type) => [type, load(type)]));
const ask = (type: Type, field: string, value: unknown, own: Record<string, unknown> = {}): true | string => {
  const one = loaded.get(type);
  assert.ok(one);
  return verdict(type, one, field, value, own);
};

/** Fields with what they take and what they refuse. */
const cases: [Type, string, unknown[], unknown[]][] = [
  [
    'sf-connection',
    'loginUrl',
    ['https://login.salesforce.com', 'http://127.0.0.1:8080'],
    ['', ' ', 'login.salesforce.com', 'ftp://host', 'https://'],
  ],
  ['sf-connection', 'audience', ['', 'https://test.salesforce.com'], ['test']],
  ['sf-connection', 'apiVersion', ['', '68.0', '100.0'], ['68', 'v68.0']],
  [
    'sf-connection',
    'pubsubEndpoint',
    ['', 'api.pubsub.salesforce.com:7443'],
    ['api.pubsub.salesforce.com', 'https://host:7443'],
  ],
  ['sf-connection', 'clientIdVar', ['', 'SF_CLIENT_ID'], ['3MVG9.abc', 'my client']],
  ['whmcs-connection', 'url', ['https://whmcs.test/includes/api.php'], ['', 'whmcs.test']],
  ['whmcs-connection', 'adminUrl', ['', 'https://whmcs.test/admin'], ['admin']],
  ['whmcs-connection', 'readTimeout', ['', 1, '300'], [0, 301, '1.5', 'soon']],
  ['whmcs-connection', 'writeTimeout', [5, 900], [4, 901]],
  ['whmcs-connection', 'maxParallel', [1, 20], [0, 21]],
  ['whmcs-connection', 'marker', ['notes', 'customField', 'none'], ['note']],
  ['provisioning-store', 'engine', ['', 'embedded', 'redis'], ['postgres']],
  ['provisioning-store', 'redisUrlVar', ['', 'REDIS_URL'], ['redis://host:6379']],
  [
    'provisioning-store',
    'sentinels',
    ['', 'one', 'one:26379, two.example.test:26380', '[::1]:26379,10.0.0.1'],
    ['one:two', 'redis://one:26379', 'one:1 two:', '::1'],
  ],
  ['provisioning-store', 'idMappings', ['automatic', 'none', 'embedded', 'postgres'], ['mysql']],
  ['whmcs-client-check', 'paymentMethodFrom', ['connection', 'client'], ['any']],
  ['whmcs-client-check', 'missingPayment', ['fail', 'wait'], ['skip']],
  ['whmcs-client-check', 'holdHours', ['', 1, '720'], [0, 721, 'day']],
  ['whmcs-client-check', 'customFieldId', ['', 1], [0, 'Account']],
  ['provisioning-store', 'databaseUrlVar', ['', 'DATABASE_URL'], ['postgres://host']],
  ['provisioning-store', 'mappingTable', ['', 'id_mappings', 'Portal.IdMapping'], ['a.b.c', 'ids; DROP', '"ids"']],
  ['provisioning-store', 'clientColumn', ['', 'whmcsClientId', '_id'], ['whmcs client', '1st', 'x'.repeat(64)]],
  ['sf-platform-event-in', 'channel', ['', '/event/OrderProvisionRequested__e'], ['OrderProvisionRequested__e']],
  ['sf-platform-event-in', 'enabled', ['true', false], ['maybe']],
  ['sf-platform-event-in', 'replay', ['LATEST', 'ALL'], ['EARLIEST']],
  ['sf-platform-event-in', 'orderIdField', ['OrderId__c', 'ns__OrderId__c'], ['Order Id', '1st']],
  ['sf-platform-event-in', 'maxInWork', [1, 100], [0, 101]],
  ['sf-platform-event-in', 'silence', [30, 86400], [29, 86401]],
  ['sf-platform-event-in', 'uncaught', ['fail', 'alarm'], ['ignore']],
  ['sf-platform-event-in', 'sweep', [true, 'false'], ['off']],
  ['sf-platform-event-in', 'sweepMinutes', [1, 1440], [0, 1441]],
  ['sf-platform-event-in', 'transport', ['pubsub', 'streaming'], ['cometd']],
  ['sf-platform-event-in', 'deliveryAllowance', ['', 1, 50_000], [0, -1]],
  ['sf-platform-event-in', 'pricebookId', ['', '01s000000000001'], ['01s']],
  ['sf-get-order', 'pricebookId', ['', '01s000000000001', '01s000000000001AAA'], ['01s', '01s00000000000-AAA']],
  [
    'mapping-check',
    'productIdField',
    ['', 'WH_Product_ID__c', 'OrderItem.Pid__c', 'account.Site'],
    ['User.Name', 'A.B.C', 'a b', 'Id FROM User'],
  ],
  [
    'mapping-check',
    'customFields',
    ['', '12=OrderItem.Seat__c', '12 = Seat__c, 13=Order.PoNumber;14=Account.Site'],
    ['Seat__c', '12=', '0=Seat__c', '12=Seat__c,12=Other__c', '12=User.Name', "1=a' OR 'a"],
  ],
  ['mapping-check', 'maxUnits', ['', 0, '0', 1, 2147483647, undefined], [-1, 1.5, 2147483648, 'many']],
  ['whmcs-add-order', 'resend', ['once', 'never'], ['always']],
  ['whmcs-add-order', 'noInvoice', [true, 'false'], ['off']],
  ['whmcs-add-order', 'quarantine', [300, 86400], [299, 86401]],
  ['whmcs-accept-order', 'quarantine', [300, 86400], [299, 86401]],
];

describe('the validators of the forms', () => {
  afterEach(() => Object.assign(openForm, { nodeId: null, values: {} }));

  it('have two parameters each, or Node-RED would take their sentence for "valid"', () => {
    for (const type of types)
      for (const [field, { validate }] of Object.entries(loaded.get(type)?.definition.defaults ?? {}))
        if (validate !== undefined) assert.equal(validate.length, 2, `${type}.${field}`);
  });

  it('find nothing wrong with the defaults', () => {
    for (const type of types)
      for (const [field, { value }] of Object.entries(loaded.get(type)?.definition.defaults ?? {}))
        assert.equal(ask(type, field, value), true, `${type}.${field}`);
  });

  it('take a whole ${NAME} or $(NAME) everywhere', () => {
    for (const type of types)
      for (const field of Object.keys(loaded.get(type)?.definition.defaults ?? {}))
        for (const variable of ['${MY_NAME}', '$(MY_NAME)'])
          assert.equal(ask(type, field, variable), true, `${type}.${field}`);
  });

  for (const [type, field, good, bad] of cases) {
    it(`${type} takes ${field} as it should be, and says what is wrong with other values`, () => {
      for (const value of good) assert.equal(ask(type, field, value), true, JSON.stringify(value));
      for (const value of bad) assert.equal(typeof ask(type, field, value), 'string', JSON.stringify(value));
    });
  }

  it('do not take a variable inside a longer text', () => {
    assert.equal(typeof ask('sf-platform-event-in', 'maxInWork', '1${ZERO}'), 'string');
  });

  it('name the field by its label, in words that the catalogue has', () => {
    const { words } = load('sf-connection');
    asked.length = 0;
    for (const [type, field, , bad] of cases) {
      const label = word(loaded.get(type)?.words ?? {}, `${type}.label.${field}`);
      for (const value of bad) assert.ok(String(ask(type, field, value)).startsWith(`${label}: `), `${type}.${field}`);
    }
    const known = asked.map(({ key }) => key.split(':')[1] ?? '');
    assert.ok(known.length > 0);
    for (const key of new Set(known)) assert.ok(word(words, key), key);
    const whole = asked.find(({ key }) => key.endsWith('fault.whole'));
    assert.deepEqual(Object.keys(whole?.values ?? {}).sort(), ['max', 'min']);
  });

  it('never repeat the value itself, which could be a secret in the wrong field', () => {
    assert.ok(!String(ask('sf-connection', 'clientIdVar', '3MVG9.secret')).includes('3MVG9'));
  });

  it('need the id of the custom field only while the marker is kept there', () => {
    assert.equal(ask('whmcs-connection', 'markerFieldId', ''), true);
    assert.equal(typeof ask('whmcs-connection', 'markerFieldId', '', { marker: 'customField' }), 'string');
    assert.equal(ask('whmcs-connection', 'markerFieldId', '7', { marker: 'customField' }), true);
  });

  it('read the open form before the node', () => {
    Object.assign(openForm, { nodeId: 'whmcs-connection-1', values: { marker: 'customField' } });
    assert.equal(typeof ask('whmcs-connection', 'markerFieldId', ''), 'string');
  });

  it('do not read the open form of another node', () => {
    Object.assign(openForm, { nodeId: 'another', values: { marker: 'customField' } });
    assert.equal(ask('whmcs-connection', 'markerFieldId', ''), true);
  });

  it("do not mind the variables' names while the secrets are stored", () => {
    assert.equal(ask('sf-connection', 'clientIdVar', 'not a name', { secretsFrom: 'stored' }), true);
  });

  it('work for a node that has no words yet, as while flows are loaded', () => {
    const one = load('whmcs-add-order');
    const validate = one.definition.defaults['quarantine']?.validate;
    const node = { ...nodeOf('whmcs-add-order', one), _: undefined };
    assert.equal(typeof validate?.call(node, 1, {}), 'string');
  });
});
