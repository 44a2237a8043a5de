/** The forms and the runtime declare the same settings twice; here each is held against the other. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { NodeAPI } from 'node-red';
import type { ShownSecret, ShownSetting } from '../../../nodes/shared/admin-routes';
import { load, root, types, verdict, type Type } from './palette';

interface Shown {
  fields: Record<string, ShownSetting>;
  secrets: Record<string, ShownSecret>;
}

/** The route that the forms ask, of a Node-RED that has loaded every node type and nothing else. */
function settingsRoute(): (type: Type, values: Record<string, unknown>) => Shown | null {
  const routes = new Map<string, (request: object, response: object) => void>();
  const registered: string[] = [];
  const RED = {
    httpAdmin: {
      post: (path: string, ...handlers: never[]) => routes.set(path, handlers[handlers.length - 1] as never),
    },
    auth: { needsPermission: () => () => undefined },
    nodes: { registerType: (type: string) => registered.push(type), getNode: () => null },
  };
  for (const type of types) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- node files are what Node-RED requires
    const start = require(join(root, 'nodes', type, type)) as (api: NodeAPI) => void;
    start(RED as unknown as NodeAPI);
  }
  assert.deepEqual(registered, [...types]);
  return (type, values) => {
    let answer: Shown | null = null;
    const response = { status: () => ({ json: () => undefined }), json: (body: Shown) => (answer = body) };
    const request = {
      params: { type },
      body: { id: 'new', values },
      is: () => 'application/json',
      get: () => undefined,
    };
    routes.get('/order-provisioning/settings/:type')?.(request, response);
    return answer;
  };
}

/** Values at and around every limit that a form or the runtime may have. */
const numbers = [0, 1, 4, 5, 20, 21, 29, 30, 100, 101, 299, 300, 301, 900, 901, 86_400, 86_401];

describe('the forms and the runtime', () => {
  const ask = settingsRoute();

  for (const type of types) {
    const loaded = load(type);
    const { defaults, credentials } = loaded.definition;
    const settings = Object.entries(defaults).filter(
      ([field, { type: connection }]) =>
        connection === undefined && field !== 'name' && field !== 'secretsFrom' && !field.endsWith('Var'),
    );

    it(`agree on the settings of ${type}`, () => {
      const shown = ask(type, Object.fromEntries(settings.map(([field, { value }]) => [field, value])));
      for (const [field, { value }] of settings) {
        const one = shown?.fields[field];
        assert.ok(one, `the runtime knows ${field}`);
        assert.notEqual(one.state, 'invalid', field);
        if (value !== '' && !String(value).startsWith('${')) assert.equal(one.value, String(value), field);
      }
    });

    it(`agree on what is right and wrong in ${type}`, () => {
      for (const [field, { value }] of settings) {
        if (typeof value !== 'number') continue;
        for (const number of numbers) {
          const runtime = ask(type, { [field]: number })?.fields[field]?.state === 'value';
          assert.equal(verdict(type, loaded, field, number) === true, runtime, `${field} ${number}`);
        }
      }
    });

    it(`offer nothing in ${type} that the runtime would refuse`, () => {
      const choices = loaded.form.matchAll(/ id="node-(?:config-)?input-(\w+)"\s+data-typed="choice:([^"]*)"/g);
      for (const [, field = '', options = ''] of choices) {
        for (const option of options.split(',')) {
          assert.equal(ask(type, { [field]: option })?.fields[field]?.value, option, field);
          assert.equal(verdict(type, loaded, field, option), true, field);
        }
      }
    });

    it(`agree on the secrets of ${type}`, () => {
      const names = [...loaded.form.matchAll(/ data-secret="(\w+)"/g)].map(([, name]) => name ?? '');
      const values = Object.fromEntries(Object.entries(defaults).map(([field, { value }]) => [field, value]));
      const secrets = ask(type, values)?.secrets ?? {};
      assert.deepEqual(Object.keys(secrets).sort(), [...names].sort());
      for (const [name, { variable }] of Object.entries(secrets)) {
        const field =
          new RegExp(` id="node-config-input-(\\w+)"\\s+data-secret="${name}"`).exec(loaded.form)?.[1] ?? '';
        assert.equal(variable, defaults[field]?.value, name);
      }
      for (const name of names) assert.ok(name in (credentials ?? {}), name);
    });
  }
});
