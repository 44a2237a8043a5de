import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configTypes, load, nodeOf, root, types, type Type } from './palette';

/** The names and values that flows and the runtime rely on. */
const properties: Record<Type, Record<string, unknown>> = {
  'sf-connection': {
    name: '',
    loginUrl: '${SF_LOGIN_URL}',
    audience: '${SF_AUDIENCE}',
    apiVersion: '68.0',
    pubsubEndpoint: '${SF_PUBSUB_ENDPOINT}',
    tlsCa: '',
    secretsFrom: 'environment',
    clientIdVar: 'SF_CLIENT_ID',
    usernameVar: 'SF_USERNAME',
    privateKeyPathVar: 'SF_PRIVATE_KEY_PATH',
    passphraseVar: 'SF_PRIVATE_KEY_PASSPHRASE',
  },
  'whmcs-connection': {
    name: '',
    url: '${WHMCS_URL}',
    adminUrl: '${WHMCS_ADMIN_URL}',
    secretsFrom: 'environment',
    identifierVar: 'WHMCS_API_IDENTIFIER',
    secretVar: 'WHMCS_API_SECRET',
    accessKeyVar: 'WHMCS_API_ACCESS_KEY',
    readTimeout: 30,
    writeTimeout: 120,
    maxParallel: 2,
    marker: 'notes',
    markerFieldId: '',
    paymentMethod: '${WHMCS_PAYMENT_METHOD}',
  },
  'provisioning-store': {
    name: '',
    engine: '${PROVISIONING_STORE}',
    directory: '',
    secretsFrom: 'environment',
    redisUrlVar: 'REDIS_URL',
    sentinels: '',
    masterName: 'mymaster',
    sentinelPasswordVar: 'REDIS_SENTINEL_PASSWORD',
    tlsCa: '',
    idMappings: 'automatic',
    databaseUrlVar: 'DATABASE_URL',
    mappingTable: 'id_mappings',
    accountColumn: 'sf_account_id',
    clientColumn: 'whmcs_client_id',
    portalColumn: 'portal_user_id',
  },
  'sf-platform-event-in': {
    name: '',
    salesforce: '',
    store: '',
    channel: '${SF_PROVISION_EVENT_CHANNEL}',
    transport: 'pubsub',
    enabled: '${SF_EVENTS_ENABLED}',
    replay: '${SF_EVENTS_REPLAY}',
    orderIdField: 'OrderId__c',
    maxInWork: 10,
    silence: 300,
    uncaught: 'fail',
    sweep: true,
    sweepMinutes: 5,
    pricebookId: '${PORTAL_PRICEBOOK_ID}',
    deliveryAllowance: '',
    activationStatusField: 'Activation_Status__c',
    whmcsOrderIdField: 'WHMCS_Order_ID__c',
    errorCodeField: 'Activation_Error_Code__c',
    errorMessageField: 'Activation_Error_Message__c',
  },
  'sf-get-order': {
    name: '',
    salesforce: '',
    pricebookId: '${PORTAL_PRICEBOOK_ID}',
    activationStatusField: 'Activation_Status__c',
    whmcsOrderIdField: 'WHMCS_Order_ID__c',
    accountField: 'WH_Account__c',
  },
  'whmcs-client-check': {
    name: '',
    whmcs: '',
    paymentMethodFrom: 'connection',
    missingPayment: 'fail',
    holdHours: 24,
    customFieldId: '',
  },
  'mapping-check': {
    name: '',
    whmcs: '',
    productIdField: 'WH_Product_ID__c',
    billingCycleField: 'Billing_Cycle__c',
    domainField: '',
    hostnameField: '',
    priceField: '',
    customFields: '',
    configOptions: '',
    maxUnits: 10_000,
  },
  'whmcs-add-order': {
    name: '',
    whmcs: '',
    resend: 'once',
    noInvoice: false,
    noInvoiceEmail: false,
    noEmail: false,
    quarantine: 300,
  },
  'whmcs-accept-order': { name: '', whmcs: '', autoSetup: true, sendEmail: true, quarantine: 300 },
  'sf-update-order': { name: '', status: 'message' },
  'sf-event-done': { name: '' },
  'provisioning-control': { name: '', store: '' },
  'provisioning-health': { name: '', store: '', environment: '${NODE_ENV}' },
};

/** Inputs, outputs and their names, colour, side of the icon. */
const shapes: Partial<Record<Type, [number, number, string[], string, string]>> = {
  'sf-platform-event-in': [0, 1, [], '#C0DEED', 'left'],
  'sf-get-order': [1, 2, ['go', 'skip'], '#C0DEED', 'left'],
  'whmcs-client-check': [1, 1, [], '#E2D96E', 'left'],
  'mapping-check': [1, 2, ['mapped', 'incomplete'], '#E2D96E', 'left'],
  'whmcs-add-order': [1, 1, [], '#C7E9C0', 'left'],
  'whmcs-accept-order': [1, 1, [], '#C7E9C0', 'left'],
  'sf-update-order': [1, 1, [], '#C0DEED', 'right'],
  'sf-event-done': [1, 0, [], '#C0DEED', 'right'],
  'provisioning-control': [1, 1, [], '#E2D96E', 'left'],
  'provisioning-health': [1, 1, [], '#E2D96E', 'left'],
};

const paletteWords = [
  'platform event',
  'get order',
  'client check',
  'mapping check',
  'add order',
  'accept order',
  'update order',
  'event done',
  'control',
  'health',
];

describe('the definitions of the nodes in the editor', () => {
  for (const type of types) {
    const loaded = load(type);
    const { definition } = loaded;

    it(`${type} has the properties and defaults that flows and the runtime rely on`, () => {
      const found = Object.fromEntries(Object.entries(definition.defaults).map(([name, one]) => [name, one.value]));
      assert.deepEqual(sorted(found), sorted(properties[type]));
    });

    it(`${type} needs each connection that it names`, () => {
      for (const [field, { type: other, required }] of Object.entries(definition.defaults)) {
        const wanted = { salesforce: 'sf-connection', store: 'provisioning-store', whmcs: 'whmcs-connection' }[field];
        assert.equal(other, wanted, field);
        assert.equal(required, wanted === undefined ? undefined : true, field);
      }
    });

    it(`${type} hides every credential`, () => {
      const hidden = Object.entries(definition.credentials ?? {});
      for (const [name, { type: kind }] of hidden) assert.equal(kind, 'password', name);
      const wanted = {
        'sf-connection': ['clientId', 'username', 'privateKey', 'privateKeyPath', 'passphrase'],
        'whmcs-connection': ['identifier', 'secret', 'accessKey'],
        'provisioning-store': ['databaseUrl', 'redisUrl', 'sentinelPassword'],
      } as Partial<Record<Type, string[]>>;
      assert.deepEqual(hidden.map(([name]) => name).sort(), [...(wanted[type] ?? [])].sort());
    });
  }

  for (const [type, [inputs, outputs, ways, color, side]] of Object.entries(shapes)) {
    it(`${type} has its ports, colour and side of the icon`, () => {
      const loaded = load(type as Type);
      const { definition } = loaded;
      const node = nodeOf(type as Type, loaded);
      assert.equal(definition.category, 'order provisioning');
      assert.deepEqual([definition.inputs, definition.outputs, definition.color], [inputs, outputs, color]);
      assert.equal(definition.align ?? 'left', side);
      const names = ways.map((_, index) => definition.outputLabels?.call(node, index));
      assert.deepEqual(names, ways);
    });
  }

  it('stands in the palette in the order of the work, in plain words', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      'node-red': { nodes: Record<string, string> };
    };
    const listed = Object.keys(manifest['node-red'].nodes).filter((name) =>
      (types as readonly string[]).includes(name),
    );
    assert.deepEqual(listed, [...types]);
    const flowTypes = types.filter((type) => !configTypes.includes(type));
    const labels = flowTypes.map((type) => {
      const loaded = load(type);
      return loaded.definition.paletteLabel?.call({ ...loaded.definition, _: nodeOf(type, loaded)['_'] });
    });
    assert.deepEqual(labels, paletteWords);
  });

  const labelOf = (type: Type, own: Record<string, unknown> = {}): string => {
    const loaded = load(type);
    return loaded.definition.label.call(nodeOf(type, loaded, own));
  };

  it('shows ■ on a box that ends the order, named or not', () => {
    assert.equal(labelOf('sf-update-order'), 'update order ■');
    assert.equal(labelOf('sf-update-order', { status: 'Failed' }), 'Failed ■');
    assert.equal(labelOf('sf-update-order', { status: 'Activated', name: 'tell' }), 'tell ■');
    assert.equal(labelOf('sf-event-done'), 'event done ■');
    assert.equal(labelOf('sf-event-done', { name: 'skipped' }), 'skipped ■');
  });

  it('shows no ■ on a box that ends nothing', () => {
    assert.equal(labelOf('sf-update-order', { status: 'Activating' }), 'Activating');
    for (const type of types.filter((one) => !['sf-update-order', 'sf-event-done'].includes(one)))
      assert.ok(!labelOf(type).includes('■'), type);
  });

  it('has an icon, white on nothing and 40 by 60, for each flow node', () => {
    for (const type of types.filter((one) => !configTypes.includes(one))) {
      const { icon } = load(type).definition;
      const svg = readFileSync(join(root, 'icons', icon ?? 'none'), 'utf8');
      assert.match(svg, /<svg [^>]*width="40" height="60" viewBox="0 0 40 60"/, icon);
      const colours = [...svg.matchAll(/(?:fill|stroke)="([^"]*)"/g)].map(([, colour]) => colour);
      assert.deepEqual([...new Set(colours)].sort(), ['#fff', 'none'], icon);
    }
  });
});

const sorted = (record: Record<string, unknown>): [string, unknown][] =>
  Object.entries(record).sort(([one], [other]) => one.localeCompare(other));
