/**
 * SOQL: text to a checked plan. A real parser reads it; names are checked against what the user sees of the schema,
 * and refused with Salesforce's words (reference §4.2, §4.6).
 */
import {
  parseQuery,
  type FieldType as Selected,
  type OrderByClause,
  type Query,
  type Subquery,
} from '@jetstreamapp/soql-parser-js';
import { ApiError, malformedQuery, notSimulated } from './errors';
import type { Row, Value } from './records';
import { objectSchema, type ChildRelationship, type FieldSchema, type ObjectSchema, type SchemaView } from './schema';
import { compileWhere } from './soql-where';

/** A field reached through zero or more parents. */
export interface Path {
  through: FieldSchema[];
  object: ObjectSchema;
  field: FieldSchema;
}

export type Column =
  | { kind: 'field'; field: FieldSchema }
  | { kind: 'parent'; name: string; through: FieldSchema; object: ObjectSchema; columns: Column[] }
  | { kind: 'children'; relationship: ChildRelationship; plan: Plan };

/** What a condition may ask about a row. */
export interface RowReader {
  valueAt(row: Row, path: Path): Value;
  /** Rows of a semi-join: the values of its one column. */
  valuesOf(plan: Plan): Value[];
  now: number;
}

export type Predicate = (row: Row, reader: RowReader) => boolean;

export interface Plan {
  object: ObjectSchema;
  columns: Column[];
  where: Predicate | null;
  /** Set when the condition is just Id = '…': spares the scan. */
  onlyId: string | null;
  orderBy: { path: Path; descending: boolean; nullsLast: boolean }[];
  limit: number | null;
  offset: number;
  /** SELECT COUNT(). */
  count: boolean;
}

const adviceField =
  "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.";
const adviceEntity =
  "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.";
const adviceRelationship =
  "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.";

/** One query being compiled: its text, for the caret of an error, and what its user may see. */
export class Compiler {
  constructor(
    private readonly text: string,
    private readonly view: SchemaView,
  ) {}

  path(object: ObjectSchema, alias: string | undefined, written: string): Path {
    const steps = written.split('.');
    const first = steps[0]?.toLowerCase();
    if (steps.length > 1 && (first === alias?.toLowerCase() || first === object.name.toLowerCase())) steps.shift();
    const through: FieldSchema[] = [];
    let at = object;
    for (const step of steps.slice(0, -1)) {
      const reference = this.view.parent(at, step);
      const parent = reference?.to ? objectSchema(reference.to) : undefined;
      if (!reference || !parent) {
        throw this.refuse(
          'INVALID_FIELD',
          written,
          `Didn't understand relationship '${step}' in field path. ${adviceRelationship}`,
        );
      }
      through.push(reference);
      at = parent;
    }
    if (through.length > 5) throw this.refuse('INVALID_FIELD', written, 'relationship path is longer than five steps');
    const name = steps.at(-1) ?? '';
    const field = this.view.field(at, name);
    if (!field) {
      throw this.refuse('INVALID_FIELD', written, `No such column '${name}' on entity '${at.name}'. ${adviceField}`);
    }
    return { through, object: at, field };
  }

  plan(query: Query): Plan {
    const name = query.sObject ?? '';
    const object = objectSchema(name);
    if (!object) throw this.refuse('INVALID_TYPE', name, `sObject type '${name}' is not supported. ${adviceEntity}`);
    return this.planOf(query, object);
  }

  /** An error with the caret under the first place where `written` stands. */
  refuse(errorCode: string, written: string, message: string): ApiError {
    return new ApiError(400, errorCode, pointAt(this.text, find(this.text, written), message));
  }

  private planOf(query: Query | Subquery, object: ObjectSchema): Plan {
    if (query.groupBy || query.having) throw notSimulated('GROUP BY and HAVING');
    if (query.withDataCategory || query.usingScope) throw notSimulated('WITH DATA CATEGORY and USING SCOPE');
    if ((query.offset ?? 0) > 2000) {
      throw new ApiError(400, 'NUMBER_OUTSIDE_VALID_RANGE', 'Maximum SOQL offset allowed is 2000');
    }
    const fields = query.fields ?? [];
    const count = fields.length === 1 && isCount(fields[0]);
    const where = compileWhere(this, object, query.sObjectAlias, query.where);
    return {
      object,
      columns: count ? [] : this.columns(fields, object, query.sObjectAlias),
      where: where.predicate,
      onlyId: where.onlyId,
      orderBy: listOf(query.orderBy).map((clause) => this.sort(clause, object, query.sObjectAlias)),
      limit: query.limit ?? null,
      offset: query.offset ?? 0,
      count,
    };
  }

  private columns(fields: Selected[], object: ObjectSchema, alias: string | undefined): Column[] {
    const columns: Column[] = [];
    const seen = new Set<string>();
    for (const one of fields) {
      if (one.type === 'FieldSubquery') {
        columns.push(this.children(one.subquery, object));
        continue;
      }
      const written = writtenName(one);
      if (seen.has(written.toLowerCase())) {
        throw this.refuse('INVALID_FIELD', written, `duplicate field selected: ${written}`);
      }
      seen.add(written.toLowerCase());
      addPath(columns, object, this.path(object, alias, written));
    }
    return columns;
  }

  private children(subquery: Subquery, object: ObjectSchema): Column {
    const name = subquery.relationshipName;
    const relationship = object.children.find((one) => one.name.toLowerCase() === name.toLowerCase());
    const child = relationship && objectSchema(relationship.sObject);
    if (!relationship || !child) {
      const message = `Didn't understand relationship '${name}' in FROM part of query call. ${adviceRelationship}`;
      throw this.refuse('INVALID_TYPE', name, message);
    }
    return { kind: 'children', relationship, plan: this.planOf(subquery, child) };
  }

  private sort(clause: OrderByClause, object: ObjectSchema, alias: string | undefined): Plan['orderBy'][number] {
    if (!('field' in clause)) throw notSimulated('functions in ORDER BY');
    const path = this.path(object, alias, clause.field);
    if (!path.field.filterable) {
      throw this.refuse('INVALID_FIELD', clause.field, `field '${clause.field}' can not be sorted in a query call`);
    }
    return { path, descending: clause.order === 'DESC', nullsLast: clause.nulls === 'LAST' };
  }
}

/**
 * Reads a query.
 * @throws ApiError MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE, INVALID_QUERY_FILTER_OPERATOR; NOT_SIMULATED (501) for
 *   SOQL that is right but beyond this simulator.
 */
export function compileQuery(text: string, view: SchemaView): Plan {
  let query: Query;
  try {
    // With options the parser would be built anew, 35 ms each time.
    query = parseQuery(text);
  } catch (error) {
    throw malformed(text, error);
  }
  return new Compiler(text, view).plan(query);
}

function malformed(text: string, error: unknown): ApiError {
  const said = error instanceof Error ? error.message : '';
  const found = /but found(?: -->|:) '(.*?)'/s.exec(said)?.[1] ?? /character: ->(.)<-/.exec(said)?.[1] ?? '';
  const token = found === '' ? '<EOF>' : found;
  const at = found === '' ? text.length : find(text, found);
  return malformedQuery(pointAt(text, at, `unexpected token: '${token}'`));
}

/** The two lines of the query, a caret under the place, and its row and column, as newer versions answer. */
function pointAt(text: string, at: number, message: string): string {
  const before = text.slice(0, at);
  const row = before.split('\n').length;
  const lineStart = before.lastIndexOf('\n') + 1;
  const column = at - lineStart;
  const from = lineStart + Math.max(0, column - 40);
  const lineEnd = text.indexOf('\n', at);
  const line = text.slice(from, Math.min(lineEnd < 0 ? text.length : lineEnd, at + 40));
  return `\n${line}\n${' '.repeat(at - from)}^\nERROR at Row:${row}:Column:${column + 1}\n${message}`;
}

function find(text: string, written: string): number {
  const escaped = written.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const whole = new RegExp(`(?<![\\w.])${escaped}(?!\\w)`, 'i').exec(text);
  return whole ? whole.index : Math.max(0, text.toLowerCase().indexOf(written.toLowerCase()));
}

function writtenName(one: Exclude<Selected, { type: 'FieldSubquery' }>): string {
  switch (one.type) {
    case 'Field':
      return 'objectPrefix' in one ? one.rawValue : one.field;
    case 'FieldRelationship':
      return one.rawValue ?? [...one.relationships, one.field].join('.');
    case 'FieldFunctionExpression':
      throw notSimulated(`the function ${one.functionName} in SELECT`);
    case 'FieldTypeof':
      throw notSimulated('TYPEOF');
  }
}

function isCount(one: Selected | undefined): boolean {
  return (
    one?.type === 'FieldFunctionExpression' && one.functionName.toUpperCase() === 'COUNT' && one.parameters.length === 0
  );
}

function addPath(columns: Column[], object: ObjectSchema, path: Path): void {
  let into = columns;
  let at = object;
  for (const through of path.through) {
    const parent = objectSchema(through.to ?? '');
    if (!parent) throw new Error(`${at.name}.${through.name} points nowhere`);
    const name = through.relationship ?? through.name;
    let column = into.find((one) => one.kind === 'parent' && one.name === name);
    if (column?.kind !== 'parent') {
      column = { kind: 'parent', name, through, object: parent, columns: [] };
      into.push(column);
    }
    into = column.columns;
    at = parent;
  }
  into.push({ kind: 'field', field: path.field });
}

function listOf<T>(one: T | T[] | undefined): T[] {
  if (one === undefined) return [];
  return Array.isArray(one) ? one : [one];
}
