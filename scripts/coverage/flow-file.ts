/** What the nodes of a flow file are set up with, as far as the catalogue is checked by it. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { FieldMapping } from '../../lib/provisioning/field-mapping';
import { fieldMappingOf, mappedFieldSettings } from '../../nodes/shared/field-names';
import { readSettings, text, variableIn } from '../../nodes/shared/settings';
import { UsageError } from './arguments';
import type { Environment } from './environment';

export interface FlowSettings {
  fields: FieldMapping;
  /** null: none is set. undefined: the flow has no get order. */
  pricebookId: string | null | undefined;
}

const node = z.looseObject({ id: z.string(), type: z.string() });
type FlowNode = z.infer<typeof node>;
const nodes = z.array(node);
const flowFile = z.union([nodes, z.object({ flows: nodes }).transform(({ flows }) => flows)]);

/**
 * Variables are those of the environment; such as are set on a tab or a group are not known.
 * @param file an exported flow, or Node-RED's own flows.json.
 * @param wanted name or id of the mapping check that is meant; null: the one there is.
 * @throws UsageError: a line for people.
 */
export function flowSettings(file: string, wanted: string | null, environment: Environment): FlowSettings {
  const name = basename(file);
  const inUse = working(parsed(file, name));
  const checks = inUse.filter(({ type }) => type === 'mapping-check');
  if (checks.length === 0) throw new UsageError(`${name} has no mapping check.`);
  const labels = checks.map((one) => `"${labelOf(one)}"`).join(', ');
  const meant = wanted === null ? checks : checks.filter((one) => [one.id, one['name']].includes(wanted));
  if (meant.length === 0) throw new UsageError(`${name} has no mapping check "${wanted}"; it has ${labels}.`);
  const [fields, ...others] = meant.map((one) => mappingOf(one, name, environment));
  if (fields === undefined || others.some((other) => !isDeepStrictEqual(other, fields)))
    throw new UsageError(`${name} has mapping checks that differ: ${labels}. Name one with --mapping-check.`);
  const books = new Set(
    inUse
      .filter(({ type }) => type === 'sf-get-order')
      .map((one) => readSettings({ pricebookId: text() }, valuesOf(one, environment)).values.pricebookId),
  );
  if (books.size > 1)
    throw new UsageError(
      `${name} has get orders with different price books. Export the flow that is meant, or remove the others.`,
    );
  const [pricebookId] = books;
  return { fields, pricebookId };
}

function parsed(file: string, name: string): FlowNode[] {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const why = { ENOENT: 'it does not exist', EISDIR: 'it is a folder', EACCES: 'access is denied' }[code] ?? code;
    throw new UsageError(`${file} cannot be read: ${why}.`);
  }
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    json = null;
  }
  const found = flowFile.safeParse(json);
  if (!found.success) throw new UsageError(`${name} is no flow file of Node-RED.`);
  return found.data;
}

/** Without those that are disabled, by themselves or with their tab. */
function working(all: readonly FlowNode[]): FlowNode[] {
  const off = new Set(all.filter((one) => one.type === 'tab' && one['disabled'] === true).map(({ id }) => id));
  return all.filter((one) => one['d'] !== true && !off.has(String(one['z'])));
}

const labelOf = (one: FlowNode): string => (typeof one['name'] === 'string' && one['name'] ? one['name'] : one.id);

function mappingOf(one: FlowNode, name: string, environment: Environment): FieldMapping {
  const { values, problems } = readSettings(mappedFieldSettings, valuesOf(one, environment));
  const [problem] = problems;
  if (problem) throw new UsageError(`${name}, mapping check "${labelOf(one)}": ${problem.message}`);
  return fieldMappingOf(values);
}

/** As Node-RED hands them to a node: a whole `${NAME}` is replaced by its value, and stays where there is none. */
const valuesOf = (one: FlowNode, environment: Environment): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(one).map(([key, value]) => {
      const variable = variableIn(value);
      return [key, variable === null ? value : (environment[variable] ?? value)];
    }),
  );
