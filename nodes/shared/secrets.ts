/**
 * Secrets of a connection: from the environment (the flow keeps only the variables' names), or stored as credentials of
 * the node. Never one where the other is missing: who moves a flow must not use a forgotten key by chance.
 */
import { variableIn, type SettingProblem } from './settings';

export interface Secret {
  /** Property of the config that holds the variable's name; null: can only be stored. */
  readonly variableField: string | null;
  readonly needed: boolean;
  /** Not needed when this other one is there. */
  readonly unless?: string;
  /** Needed only while this setting has this value; read then, and while it has `orMaybe`. */
  readonly when?: { setting: string; is: string; orMaybe?: string };
}

export interface NeededSecret extends Secret {
  readonly needed: true;
  readonly unless?: undefined;
}

export type DeclaredSecrets = Readonly<Record<string, Secret>>;
export type Secrets<D extends DeclaredSecrets> = { [K in keyof D]: D[K] extends NeededSecret ? string : string | null };

/** One that must be there, under `${variableField}`'s variable or as a credential of the same name. */
export const secret = (variableField: string): NeededSecret => ({ variableField, needed: true });
/** One that may be absent: null. */
export const optionalSecret = (variableField: string | null): Secret => ({ variableField, needed: false });
/** One that must be there unless `other` is. null when absent. */
export const secretUnless = (other: string, variableField: string): Secret => ({
  variableField,
  needed: true,
  unless: other,
});

/**
 * One that must be there while a setting has this value; null, and not looked for, while it has another.
 * @param orMaybe with this value of the setting it may be there.
 */
export const secretWhen = (setting: string, is: string, variableField: string, orMaybe?: string): Secret => ({
  variableField,
  needed: true,
  when: { setting, is, ...(orMaybe === undefined ? {} : { orMaybe }) },
});

/** Whether a needed secret is, by the settings in force. */
export const isWanted = ({ when }: Secret, settings: Readonly<Record<string, unknown>>): boolean =>
  when === undefined || settings[when.setting] === when.is;

/** Whether one that is there would be used. */
const isRead = ({ when }: Secret, settings: Readonly<Record<string, unknown>>): boolean =>
  when === undefined || [when.is, when.orMaybe].includes(String(settings[when.setting]));

export type SecretsFrom = 'environment' | 'stored';
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a node's secrets come from; anything but `stored` means the environment, the default. */
export const secretsFrom = (config: Readonly<Record<string, unknown>>): SecretsFrom =>
  config['secretsFrom'] === 'stored' ? 'stored' : 'environment';

/**
 * Reads the secrets of a config node.
 * @param credentials as Node-RED gives them (`node.credentials`).
 * @param settings the values in force of the node's settings, on which some secrets hang.
 * @returns values, '' for a needed one that is missing, and the problems. No message holds a secret.
 */
export function readSecrets<D extends DeclaredSecrets>(
  config: Readonly<Record<string, unknown>>,
  credentials: Readonly<Record<string, unknown>> | undefined,
  env: Environment,
  declared: D,
  settings: Readonly<Record<string, unknown>> = {},
): { values: Secrets<D>; problems: SettingProblem[] } {
  const from = secretsFrom(config);
  const read = (name: string): string | null => {
    const known = declared[name];
    if (known === undefined || !isRead(known, settings)) return null;
    // A stored `${NAME}` that is still there is a variable that is not set.
    if (from === 'stored') return variableIn(credentials?.[name]) === null ? nonEmpty(credentials?.[name]) : null;
    const variable = variableOf(known, config);
    return variable === null ? null : nonEmpty(env[variable]);
  };
  const values: Record<string, string | null> = {};
  const problems: SettingProblem[] = [];
  for (const [name, known] of Object.entries(declared)) {
    const value = read(name);
    values[name] = value;
    if (value !== null || !known.needed || !isWanted(known, settings)) continue;
    if (known.unless === undefined) values[name] = '';
    else if (read(known.unless) !== null) continue;
    problems.push(from === 'stored' ? notStored(name, credentials?.[name]) : notInEnvironment(name, known, config));
  }
  return { values: values as Secrets<D>, problems };
}

/** The variable that holds a secret, by the config; null: none is named, or it cannot come from the environment. */
export function variableOf(known: Secret, config: Readonly<Record<string, unknown>>): string | null {
  return known.variableField === null ? null : nonEmpty(config[known.variableField]);
}

function notStored(name: string, stored: unknown): SettingProblem {
  const variable = variableIn(stored);
  if (variable !== null)
    return {
      code: 'SETTING_MISSING',
      field: name,
      variable,
      message: `${name} is not set: set the variable ${variable}.`,
    };
  return {
    code: 'SETTING_MISSING',
    field: name,
    message: `${name} is not stored in this node: enter it there. Secrets are not exported with a flow, nor copied.`,
  };
}

function notInEnvironment(name: string, known: Secret, config: Readonly<Record<string, unknown>>): SettingProblem {
  const field = known.variableField ?? name;
  const variable = variableOf(known, config);
  if (variable === null)
    return {
      code: 'SETTING_MISSING',
      field,
      message: `${field} is empty: name the variable that holds it, without \${}.`,
    };
  // `${NAME}` in this field has become the secret itself: only what looks like a name may be shown.
  if (!/^[A-Z][A-Z0-9_]{0,63}$/.test(variable)) {
    return {
      code: 'SETTING_MISSING',
      field,
      message: `${field} names no variable that is set. Enter the variable's name alone, without \${}.`,
    };
  }
  return { code: 'SETTING_MISSING', field, variable, message: `${name} is not set: set the variable ${variable}.` };
}

const nonEmpty = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value : null);
