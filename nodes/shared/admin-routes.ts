/**
 * What the edit forms ask of the runtime: the settings in force, and whether a connection works.
 *
 * A route without needsPermission is public under adminAuth, so every route here has one. A person who may only read
 * the editor must not read the environment through it: of a variable that this pack does not document, only whether it
 * is set is told; of a secret, always only that.
 */
import { z } from 'zod';
import type { NodeAPI } from 'node-red';
import { systemClock, type Clock } from '../../lib/clock';
import {
  isWanted,
  readSecrets,
  secretsFrom,
  variableOf,
  type DeclaredSecrets,
  type Environment,
  type Secrets,
} from './secrets';
import { readSetting, readSettings, variableIn, type Declared, type Reading, type ValuesOf } from './settings';

/** What a Test button shows. */
export interface TestAnswer {
  ok: boolean;
  /** OK, or an error code of ours or of the vendor. */
  code: string;
  message: string;
  /** One line each, such as the permission of each action. */
  details: string[];
}

/** A config node as its form holds it, variables replaced and stored secrets filled in. */
export interface TestForm {
  config: Readonly<Record<string, unknown>>;
  credentials: Readonly<Record<string, string>>;
}

/** Tries a connection; `signal` is aborted after 10 s or when the form is gone. It may throw. */
export type ConnectionTest = (form: TestForm, signal: AbortSignal) => Promise<TestAnswer>;

export interface AdminParts {
  /** By node type: what the form shows as in force. */
  settings?: Readonly<Record<string, Declared>>;
  secrets?: Readonly<Record<string, DeclaredSecrets>>;
  testSalesforce?: ConnectionTest;
  testWhmcs?: ConnectionTest;
  testStore?: ConnectionTest;
  clock?: Clock;
}

/** How a field stands. `value` is null where there is none, or where it must not be shown. */
export interface ShownSetting {
  state: Reading<unknown>['state'];
  variable: string | null;
  value: string | null;
  fault: string | null;
}

export interface ShownSecret {
  /** The variable that is named for it; null: none is named, or the secrets are stored in the node. */
  variable: string | null;
  set: boolean;
  needed: boolean;
}

/** The longest that a Test button waits. */
export const testLimitMs = 10_000;

/** Variables of the documentation that hold no secret; the form shows their values. */
const openVariables: ReadonlySet<string> = new Set([
  'SF_LOGIN_URL',
  'SF_AUDIENCE',
  'SF_PUBSUB_ENDPOINT',
  'SF_EVENTS_ENABLED',
  'SF_PROVISION_EVENT_CHANNEL',
  'SF_EVENTS_REPLAY',
  'PORTAL_PRICEBOOK_ID',
  'WHMCS_URL',
  'WHMCS_ADMIN_URL',
  'WHMCS_PAYMENT_METHOD',
  'PROVISIONING_STORE',
  'NODE_ENV',
]);

const unchangedSecret = '__PWRD__';

const settingsBody = z.object({
  id: z.string(),
  values: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
const testBody = settingsBody.extend({ credentials: z.record(z.string(), z.string()) });

interface Table {
  settings: Record<string, Declared>;
  secrets: Record<string, DeclaredSecrets>;
  tests: Record<string, ConnectionTest>;
  clock: Clock;
}

/** One table for each Node-RED of the process (tests start several); node files add to it in any order. */
const tables = new WeakMap<object, Table>();

/**
 * Adds to what the routes know, and registers them at the first call.
 * - POST order-provisioning/settings/:type `{ id, values }` → `{ fields: Record<string, ShownSetting>, secrets: Record<string, ShownSecret> }`
 * - POST order-provisioning/test/:type `{ id, values, credentials }` → TestAnswer; who may test may deploy as well, since
 *   a test sends the secrets to the address in the form
 */
export function registerAdminRoutes(RED: NodeAPI, parts: AdminParts): void {
  let table = tables.get(RED.httpAdmin);
  if (table === undefined) {
    table = { settings: {}, secrets: {}, tests: {}, clock: systemClock };
    tables.set(RED.httpAdmin, table);
    addRoutes(RED, table);
  }
  Object.assign(table.settings, parts.settings);
  Object.assign(table.secrets, parts.secrets);
  if (parts.testSalesforce) table.tests['sf-connection'] = parts.testSalesforce;
  if (parts.testWhmcs) table.tests['whmcs-connection'] = parts.testWhmcs;
  if (parts.testStore) table.tests['provisioning-store'] = parts.testStore;
  if (parts.clock) table.clock = parts.clock;
}

/** A test that gets its settings read, and answers by itself when one is missing or wrong. */
export function connectionTest<D extends Declared, S extends DeclaredSecrets>(
  declared: D,
  secrets: S,
  test: (values: ValuesOf<D>, secrets: Secrets<S>, signal: AbortSignal) => Promise<TestAnswer>,
  env: Environment = process.env,
): ConnectionTest {
  return async ({ config, credentials }, signal) => {
    const read = readSettings(declared, config);
    const readToo = readSecrets(config, credentials, env, secrets, read.values);
    const problems = [...read.problems, ...readToo.problems];
    const [first, ...others] = problems;
    if (first === undefined) return test(read.values, readToo.values, signal);
    return { ok: false, code: first.code, message: first.message, details: others.map((problem) => problem.message) };
  };
}

function addRoutes(RED: NodeAPI, table: Table): void {
  RED.httpAdmin.post(
    '/order-provisioning/settings/:type',
    RED.auth.needsPermission('order-provisioning.read'),
    (request, response) => {
      const type = String(request.params['type']);
      const body = settingsBody.safeParse(request.body);
      if (!isFromEditor(request)) return void response.status(403).json({ message: 'Not from the editor' });
      if (!Object.hasOwn(table.settings, type)) return void response.status(404).json({ message: 'No such node type' });
      if (!body.success) return void response.status(400).json({ message: z.prettifyError(body.error) });
      const lookUp = variablesOf(RED, body.data.id);
      const declared = table.settings[type] ?? {};
      const inForce = settingsInForce(declared, body.data.values, lookUp);
      response.json({
        fields: shownSettings(declared, body.data.values, lookUp),
        secrets: shownSecrets(table.secrets[type] ?? {}, body.data.values, process.env, inForce),
      });
    },
  );

  const mayDeploy = RED.auth.needsPermission('flows.write');
  RED.httpAdmin.post(
    '/order-provisioning/test/:type',
    RED.auth.needsPermission('order-provisioning.write'),
    mayDeploy,
    (request, response) => {
      const type = String(request.params['type']);
      const body = testBody.safeParse(request.body);
      const test = Object.hasOwn(table.tests, type) ? table.tests[type] : undefined;
      if (!isFromEditor(request)) return void response.status(403).json({ message: 'Not from the editor' });
      if (test === undefined) return void response.status(404).json({ message: 'No such test' });
      if (!body.success) return void response.status(400).json({ message: z.prettifyError(body.error) });
      const form = filledForm(RED, body.data);
      const gone = new AbortController();
      response.on('close', () => gone.abort(new Error('The form is gone')));
      void runTest(test, form, table.clock, gone).then((answer) => {
        const safe = withoutSecrets(answer, form, table.secrets[type] ?? {}, process.env);
        if (!response.destroyed) response.json(safe);
      });
    },
  );
}

/**
 * Node-RED parses the post of a plain html form as well, which any page in the browser of somebody without adminAuth could
 * send: with the address of its own, and our secrets in the answer. JSON cannot be sent across sites without asking first.
 */
function isFromEditor(request: {
  is(type: string): string | false | null;
  get(name: string): string | undefined;
}): boolean {
  const site = request.get('sec-fetch-site');
  return request.is('application/json') === 'application/json' && (site === undefined || site === 'same-origin');
}

/** Runs a test for at most 10 s. Never rejects. */
export async function runTest(
  test: ConnectionTest,
  form: TestForm,
  clock: Clock,
  stop = new AbortController(),
): Promise<TestAnswer> {
  const late = new Promise<TestAnswer>((resolve) => {
    const timer = clock.after(testLimitMs, () => {
      resolve({ ok: false, code: 'ETIMEOUT', message: `No answer within ${testLimitMs / 1000} s.`, details: [] });
    });
    stop.signal.addEventListener('abort', () => {
      timer.cancel();
      resolve({ ok: false, code: 'CLOSING', message: 'The test was stopped.', details: [] });
    });
  });
  const answer = Promise.resolve()
    .then(() => test(form, stop.signal))
    .catch((error: unknown): TestAnswer => ({
      ok: false,
      code: codeOf(error),
      message: error instanceof Error ? error.message : String(error),
      details: [],
    }));
  const first = await Promise.race([answer, late]);
  stop.abort(new Error('The test has ended'));
  return first;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'FLOW_ERROR';

// ---------------------------------------------------------------- variables

type LookUp = (variable: string) => unknown;

/** Variables as the deployed node sees them (group, flow, global, process); of a node not yet deployed, the process's. */
function variablesOf(RED: NodeAPI, id: string): LookUp {
  const node: unknown = RED.nodes.getNode(id);
  if (node === null || node === undefined) return (variable) => process.env[variable];
  return (variable) => RED.util.getSetting(node as Parameters<typeof RED.util.getSetting>[0], variable);
}

/** A value as Node-RED hands it to the node: a whole `${NAME}` replaced, if it is set. */
function replaced(raw: unknown, lookUp: LookUp): unknown {
  const variable = variableIn(raw);
  if (variable === null) return raw;
  return lookUp(variable) ?? raw;
}

/** How each declared field stands, for the form. */
export function shownSettings(
  declared: Declared,
  values: Readonly<Record<string, unknown>>,
  lookUp: LookUp,
): Record<string, ShownSetting> {
  const shown: Record<string, ShownSetting> = {};
  for (const [field, setting] of Object.entries(declared)) {
    const variable = variableIn(values[field]);
    const reading = readSetting(setting, replaced(values[field], lookUp));
    const open = variable === null || openVariables.has(variable) || reading.state !== 'value';
    shown[field] = {
      state: reading.state,
      variable,
      value:
        open && reading.state !== 'missing' && reading.state !== 'invalid' && reading.value !== null
          ? withoutLogin(String(reading.value))
          : null,
      fault: reading.state === 'invalid' ? reading.fault : null,
    };
  }
  return shown;
}

/** The values that a node would have with what the form holds. */
function settingsInForce(
  declared: Declared,
  values: Readonly<Record<string, unknown>>,
  lookUp: LookUp,
): Readonly<Record<string, unknown>> {
  const config = Object.fromEntries(Object.entries(values).map(([field, raw]) => [field, replaced(raw, lookUp)]));
  return readSettings(declared, config).values;
}

/** Which secrets are set in the environment. Of stored ones the editor itself knows. */
export function shownSecrets(
  declared: DeclaredSecrets,
  config: Readonly<Record<string, unknown>>,
  env: Environment,
  settings: Readonly<Record<string, unknown>> = {},
): Record<string, ShownSecret> {
  if (secretsFrom(config) === 'stored') return {};
  const shown: Record<string, ShownSecret> = {};
  for (const [name, known] of Object.entries(declared)) {
    const variable = variableOf(known, config);
    if (known.variableField !== null)
      shown[name] = {
        variable,
        set: variable !== null && (env[variable] ?? '').trim() !== '',
        needed: known.needed && isWanted(known, settings),
      };
  }
  return shown;
}

const withoutLogin = (value: string): string => value.replace(/\/\/[^/@\s]*@/, '//');

// -------------------------------------------------------------------- tests

function filledForm(RED: NodeAPI, body: z.infer<typeof testBody>): TestForm {
  const lookUp = variablesOf(RED, body.id);
  const stored: unknown = RED.nodes.getCredentials(body.id);
  const config = Object.fromEntries(Object.entries(body.values).map(([field, raw]) => [field, replaced(raw, lookUp)]));
  const credentials: Record<string, string> = {};
  for (const [name, raw] of Object.entries(body.credentials)) {
    const value = replaced(raw === unchangedSecret ? storedSecret(stored, name) : raw, lookUp);
    if (typeof value === 'string') credentials[name] = value;
  }
  return { config, credentials };
}

function storedSecret(stored: unknown, name: string): unknown {
  return typeof stored === 'object' && stored !== null && Object.hasOwn(stored, name)
    ? (stored as Record<string, unknown>)[name]
    : undefined;
}

/** The answer with every secret of the form or the environment struck out, whatever a vendor echoed. */
export function withoutSecrets(
  answer: TestAnswer,
  form: TestForm,
  declared: DeclaredSecrets,
  env: Environment,
): TestAnswer {
  const secrets = Object.values(form.credentials);
  for (const known of Object.values(declared)) {
    const variable = variableOf(known, form.config);
    const value = variable === null ? undefined : env[variable];
    if (value !== undefined) secrets.push(value);
  }
  const long = secrets
    .map((value) => value.trim())
    .filter((value) => value.length >= 4)
    .sort((a, b) => b.length - a.length);
  const strike = (text: string): string => long.reduce((left, value) => left.replaceAll(value, '***'), text);
  return {
    ok: answer.ok,
    code: strike(answer.code),
    message: strike(answer.message),
    details: answer.details.map(strike),
  };
}
