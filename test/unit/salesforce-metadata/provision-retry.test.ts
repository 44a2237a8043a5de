import assert from 'node:assert/strict';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

const file = join(__dirname, '../../../salesforce/force-app/main/default/lwc/provisionRetry/provisionRetry.js');

/** What the platform gives a component, as far as this one uses it. */
const platform: Record<string, string> = {
  lwc: 'export class LightningElement { dispatchEvent(event) { this.told.push(event.detail) } told = [] }; export const api = () => undefined; export const wire = () => () => undefined;',
  'lightning/platformShowToastEvent': 'export class ShowToastEvent { constructor(detail) { this.detail = detail } }',
  'lightning/uiRecordApi':
    'export const getRecord = {}; export const getFieldValue = (data, field) => data[field.fieldApiName]; export const updateRecord = (...sent) => globalThis.provisionRetryUpdate(...sent);',
};

const stubs: Plugin = {
  name: 'platform',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(lwc|lightning\/|@salesforce\/schema\/)/ }, ({ path }) => ({ path, namespace: 'platform' }));
    onLoad({ filter: /.*/, namespace: 'platform' }, ({ path }) => ({
      contents: platform[path] ?? `export default { fieldApiName: '${path.split('.').at(-1)}' };`,
    }));
  },
};

interface Toast {
  title: string;
  message: string;
  variant: string;
}
interface Button {
  recordId: string;
  order: { data?: Record<string, string> };
  told: Toast[];
  invoke(): Promise<void>;
}
type Update = (record: { fields: Record<string, string> }, options: { ifUnmodifiedSince: string }) => Promise<unknown>;

describe('The button Provision / Retry', () => {
  let Button: new () => Button;
  before(async () => {
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      write: false,
      format: 'cjs',
      target: 'node22',
      plugins: [stubs],
    });
    const module = { exports: {} as { default: new () => Button } };
    new Function('module', 'exports', outputFiles[0]?.text ?? '')(module, module.exports);
    Button = module.exports.default;
  });

  function press(status: string | null, update: Update = () => Promise.resolve()): { button: Button; sent: unknown[] } {
    const sent: unknown[] = [];
    Object.assign(globalThis, {
      provisionRetryUpdate: (...args: Parameters<Update>) => {
        sent.push(args);
        return update(...args);
      },
    });
    const button = new Button();
    button.recordId = '801Ql000001AbCdIAK';
    button.order =
      status === null ? {} : { data: { Activation_Status__c: status, LastModifiedDate: '2026-11-25T01:59:58.000Z' } };
    return { button, sent };
  }
  after(() => Reflect.deleteProperty(globalThis, 'provisionRetryUpdate'));

  it('says that an activation is in progress, and changes nothing', async () => {
    const { button, sent } = press('Activating');
    await button.invoke();
    assert.deepEqual(sent, []);
    assert.equal(button.told[0]?.title, 'Already in progress');
  });

  it('sets the Order to Activating, unless somebody changed it meanwhile', async () => {
    for (const status of ['Failed', 'Not Started', 'Activated', '']) {
      const { button, sent } = press(status);
      await button.invoke();
      assert.deepEqual(sent, [
        [
          { fields: { Id: '801Ql000001AbCdIAK', Activation_Status__c: 'Activating' } },
          { ifUnmodifiedSince: '2026-11-25T01:59:58.000Z' },
        ],
      ]);
      assert.equal(button.told[0]?.variant, 'success');
    }
  });

  it('asks once, however often it is pressed', async () => {
    let answer = (): void => undefined;
    const { button, sent } = press('Failed', () => new Promise<void>((resolve) => (answer = resolve)));
    const first = button.invoke();
    await button.invoke();
    answer();
    await first;
    assert.equal(sent.length, 1);
    assert.equal(button.told.length, 1);
  });

  it('says why Salesforce refused', async () => {
    const refusals: [unknown, string][] = [
      [
        { body: { output: { errors: [{ message: 'A rule' }], fieldErrors: { F: [{ message: 'A field' }] } } } },
        'A rule A field',
      ],
      [{ body: { message: 'The record was changed' } }, 'The record was changed'],
      [new Error('Offline'), 'Offline'],
      [undefined, 'Reload the page and look at its status.'],
    ];
    for (const [error, message] of refusals) {
      const { button } = press('Failed', () => Promise.reject(error as Error));
      await button.invoke();
      assert.deepEqual(button.told, [{ title: 'Provisioning was not started', message, variant: 'error' }]);
    }
  });

  it('waits for the Order to be shown', async () => {
    const { button, sent } = press(null);
    await button.invoke();
    assert.deepEqual(sent, []);
    assert.equal(button.told[0]?.title, 'The order is still loading');
  });
});
