/** What npm run coverage takes from a flow file: the fields of the flow's own nodes, or one clear line why not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultFieldMapping } from '../../../lib/provisioning/field-mapping';
import { UsageError } from '../../../scripts/coverage/arguments';
import { flowSettings } from '../../../scripts/coverage/flow-file';

type Node = Record<string, unknown>;

describe('The flow file of npm run coverage', () => {
  let directory: string;
  before(() => (directory = mkdtempSync(join(tmpdir(), 'flow-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  const write = (content: unknown): string => {
    const file = join(directory, 'flows.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  const read = (content: unknown, environment: Record<string, string> = {}, name: string | null = null) =>
    flowSettings(write(content), name, environment);
  const refusal = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof UsageError, String(error));
      assert.equal(error.message.includes('\n'), false);
      return error.message;
    }
    return assert.fail('it was taken');
  };
  const tab = { id: 't', type: 'tab', label: 'Orders' };
  const mapping = (more: Node = {}): Node => ({ id: 'm', type: 'mapping-check', z: 't', name: 'mapping', ...more });
  const get = (more: Node = {}): Node => ({ id: 'g', type: 'sf-get-order', z: 't', ...more });

  it('gives what is set on mapping check, and the price book of get order', () => {
    const set = {
      productIdField: 'Pid__c',
      billingCycleField: ' ',
      domainField: 'OrderItem.Domain__c',
      hostnameField: 'Host__c',
      priceField: 'PricebookEntry.UnitPrice',
      customFields: '12=Account.Name, 13=Seat__c',
      configOptions: '5=Disk__c',
    };
    const expected = {
      fields: {
        productId: 'Pid__c',
        billingCycle: 'Billing_Cycle__c',
        domain: 'OrderItem.Domain__c',
        hostname: 'Host__c',
        priceOverride: 'PricebookEntry.UnitPrice',
        customFields: { 12: 'Account.Name', 13: 'Seat__c' },
        configOptions: { 5: 'Disk__c' },
      },
      pricebookId: '01s000000000001',
    };
    const nodes = [tab, get({ pricebookId: '01s000000000001' }), mapping(set)];
    assert.deepEqual(read(nodes), expected);
    assert.deepEqual(read({ rev: 'x', flows: nodes }), expected, 'as the admin API gives it');
  });

  it('reads variables as Node-RED does, and one that is not set is the default', () => {
    const nodes = [get({ pricebookId: '${BOOK}' }), mapping({ productIdField: '${PID}', priceField: '${PRICE}' })];
    const { fields, pricebookId } = read(nodes, { BOOK: '01s000000000002', PRICE: 'Price__c' });
    assert.deepEqual(fields, { ...defaultFieldMapping, priceOverride: 'Price__c' });
    assert.equal(pricebookId, '01s000000000002');
    assert.equal(read(nodes).pricebookId, null);
    assert.equal(read([mapping()]).pricebookId, undefined, 'no get order: the environment’s');
  });

  it('leaves out what is disabled, with its tab too', () => {
    const off = mapping({ id: 'off', productIdField: 'Old__c' });
    assert.equal(read([{ ...off, d: true }, mapping()]).fields.productId, 'WH_Product_ID__c');
    const closed = { id: 'c', type: 'tab', disabled: true };
    assert.equal(read([tab, closed, { ...off, z: 'c' }, mapping()]).fields.productId, 'WH_Product_ID__c');
  });

  it('takes several that say the same, and asks which where they differ', () => {
    const [one, two] = [mapping({ id: 'a', name: 'first' }), mapping({ id: 'b', name: '' })];
    assert.equal(read([one, two]).fields.productId, 'WH_Product_ID__c');
    const other = { ...two, productIdField: 'Pid__c' };
    assert.match(
      refusal(() => read([one, other])),
      /flows\.json has mapping checks that differ: "first", "b"\. Name one with --mapping-check\.$/,
    );
    assert.equal(read([one, other], {}, 'b').fields.productId, 'Pid__c');
    assert.equal(read([one, other], {}, 'first').fields.productId, 'WH_Product_ID__c');
    assert.match(
      refusal(() => read([one, other], {}, 'third')),
      /has no mapping check "third"; it has "first", "b"\.$/,
    );
    assert.match(
      refusal(() => read([one, get({ pricebookId: '01s1' }), get({ id: 'h', pricebookId: '01s2' })])),
      /has get orders with different price books\. .*remove/,
    );
  });

  for (const [what, content, said] of [
    ['no JSON', '{', /flows\.json is no flow file of Node-RED\.$/],
    ['another JSON', { flows: 7 }, /flows\.json is no flow file of Node-RED\.$/],
    ['no mapping check', [tab, get()], /flows\.json has no mapping check\.$/],
    [
      'a field that is none',
      [mapping({ priceField: 'a b' })],
      /mapping check "mapping": priceField must be a field such as/,
    ],
  ] as const)
    it(`is refused in one clear line: ${what}`, () => {
      assert.match(
        refusal(() => read(content)),
        said,
      );
    });

  it('is refused where it cannot be read', () => {
    assert.match(
      refusal(() => flowSettings('/nowhere/flows.json', null, {})),
      /^\/nowhere\/flows\.json cannot be read: it does not exist\.$/,
    );
    assert.match(
      refusal(() => flowSettings(directory, null, {})),
      /cannot be read: it is a folder\.$/,
    );
  });
});
