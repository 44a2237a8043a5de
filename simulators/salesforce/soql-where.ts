/** The WHERE part of SOQL: the parser's flat list of conditions to one predicate. */
import type { ConditionWithValueQuery, LiteralType, WhereClause } from '@jetstreamapp/soql-parser-js';
import { type ApiError, malformedQuery, notSimulated } from './errors';
import { readId } from './ids';
import type { Value } from './records';
import type { FieldSchema, ObjectSchema } from './schema';
import type { Compiler, Path, Predicate } from './soql';
import { dateRange, likePattern, textOf } from './soql-literals';

type Token = '(' | ')' | 'AND' | 'OR' | 'NOT' | { condition: ConditionWithValueQuery };

/** A literal that a row's value is compared with. */
type Operand = { value: Value } | { range: (now: number) => [string, string] };

/** `onlyId` is set when the whole condition is Id = '…'. */
export function compileWhere(
  compiler: Compiler,
  object: ObjectSchema,
  alias: string | undefined,
  clause: WhereClause | undefined,
): { predicate: Predicate | null; onlyId: string | null } {
  if (!clause) return { predicate: null, onlyId: null };
  const tokens = flatten(clause);
  const predicate = new Conditions(compiler, object, alias, tokens).read();
  return { predicate, onlyId: soleId(tokens) };
}

function soleId(tokens: Token[]): string | null {
  const inner = tokens.filter((token) => token !== '(' && token !== ')');
  const only = inner[0];
  if (inner.length !== 1 || typeof only !== 'object') return null;
  const { condition } = only;
  if (!('value' in condition) || !('field' in condition)) return null;
  if (condition.operator !== '=' || condition.field.toLowerCase() !== 'id') return null;
  return typeof condition.value === 'string' ? readId(textOf(condition.value)) : null;
}

function flatten(clause: WhereClause): Token[] {
  const tokens: Token[] = [];
  let at: WhereClause | undefined = clause;
  while (at) {
    const left: WhereClause['left'] = at.left;
    if (left) {
      const parens: { openParen?: number; closeParen?: number } = left;
      for (let open = parens.openParen ?? 0; open > 0; open -= 1) tokens.push('(');
      if ('operator' in left) tokens.push({ condition: left });
      for (let close = parens.closeParen ?? 0; close > 0; close -= 1) tokens.push(')');
    }
    if (!('operator' in at)) break;
    tokens.push(at.operator);
    at = at.right;
  }
  return tokens;
}

class Conditions {
  private at = 0;

  constructor(
    private readonly compiler: Compiler,
    private readonly object: ObjectSchema,
    private readonly alias: string | undefined,
    private readonly tokens: Token[],
  ) {}

  read(): Predicate {
    const predicate = this.group();
    if (this.at < this.tokens.length) throw malformedQuery(`unexpected token: '${String(this.tokens[this.at])}'`);
    return predicate;
  }

  /** Conditions on one level are joined by AND alone or by OR alone, as Salesforce demands. */
  private group(): Predicate {
    const parts = [this.unary()];
    const joint = this.tokens[this.at];
    while (this.tokens[this.at] === 'AND' || this.tokens[this.at] === 'OR') {
      if (this.tokens[this.at] !== joint) throw malformedQuery(`unexpected token: '${String(this.tokens[this.at])}'`);
      this.at += 1;
      parts.push(this.unary());
    }
    if (joint === 'OR') return (row, reader) => parts.some((part) => part(row, reader));
    return (row, reader) => parts.every((part) => part(row, reader));
  }

  private unary(): Predicate {
    const token = this.tokens[this.at];
    this.at += 1;
    if (token === 'NOT') {
      const inner = this.unary();
      return (row, reader) => !inner(row, reader);
    }
    if (token === '(') {
      const inner = this.group();
      if (this.tokens[this.at] !== ')') throw malformedQuery("unexpected token: '<EOF>'");
      this.at += 1;
      return inner;
    }
    if (typeof token !== 'object') throw malformedQuery(`unexpected token: '${String(token)}'`);
    return this.condition(token.condition);
  }

  private condition(condition: ConditionWithValueQuery): Predicate {
    if (!('field' in condition)) throw notSimulated('functions in WHERE');
    const path = this.compiler.path(this.object, this.alias, condition.field);
    if (!path.field.filterable) {
      const message = `field '${condition.field}' can not be filtered in a query call`;
      throw this.compiler.refuse('INVALID_FIELD', condition.field, message);
    }
    const { operator } = condition;
    if (operator === 'INCLUDES' || operator === 'EXCLUDES') throw notSimulated('multi-select picklists');
    if ('valueQuery' in condition) return this.semiJoin(path, operator === 'NOT IN', condition.valueQuery);
    if (operator === 'LIKE') return this.like(path, condition.field, condition.value);
    const operands = this.operands(path, condition.field, condition.value, condition.literalType);
    const first = operands[0];
    if (!first) throw malformedQuery("unexpected token: ')'");
    switch (operator) {
      case 'IN':
      case '=':
        return (row, reader) => operands.some((one) => equal(reader.valueAt(row, path), one, path.field, reader.now));
      case 'NOT IN':
      case '!=':
        return (row, reader) => !operands.some((one) => equal(reader.valueAt(row, path), one, path.field, reader.now));
      default:
        return (row, reader) => ordered(operator, reader.valueAt(row, path), first, reader.now);
    }
  }

  private semiJoin(path: Path, negated: boolean, query: Parameters<Compiler['plan']>[0]): Predicate {
    const plan = this.compiler.plan(query);
    return (row, reader) => reader.valuesOf(plan).includes(reader.valueAt(row, path)) !== negated;
  }

  private like(path: Path, written: string, literal: string | string[]): Predicate {
    if (typeof literal !== 'string' || !literal.startsWith("'") || !['string', 'picklist'].includes(path.field.type)) {
      const message = `invalid operator on ${path.field.type === 'reference' ? 'id' : path.field.type} field`;
      throw this.compiler.refuse('INVALID_QUERY_FILTER_OPERATOR', written, message);
    }
    const pattern = likePattern(literal);
    return (row, reader) => pattern.test(String(reader.valueAt(row, path) ?? ''));
  }

  private operands(
    path: Path,
    written: string,
    literal: string | string[],
    type: LiteralType | LiteralType[] | undefined,
  ): Operand[] {
    const literals = Array.isArray(literal) ? literal : [literal];
    return literals.map((one, index) => this.operand(path, written, one, Array.isArray(type) ? type[index] : type));
  }

  private operand(path: Path, written: string, literal: string, type: LiteralType | undefined): Operand {
    if (type === 'NULL') return { value: null };
    const wanted = wantedLiteral(path.field);
    if (type === 'DATE_LITERAL' || type === 'DATE_N_LITERAL') {
      if (wanted !== 'date' && wanted !== 'dateTime') throw this.mismatch(written, wanted, literal);
      return { range: dateRange(literal, wanted) };
    }
    const given = givenLiteral(type);
    if (given === null) throw notSimulated(`the literal ${literal}`);
    if (given !== wanted) throw this.mismatch(written, wanted, literal);
    if (wanted === 'double') return { value: Number(literal) };
    if (wanted === 'boolean') return { value: literal.toUpperCase() === 'TRUE' };
    if (wanted === 'date') return { value: literal };
    if (wanted === 'dateTime') return { value: new Date(literal).toISOString().replace('Z', '+0000') };
    const text = textOf(literal);
    if (path.field.type !== 'id' && path.field.type !== 'reference') return { value: text };
    const id = readId(text);
    if (id === null && text !== '') {
      throw this.compiler.refuse('INVALID_QUERY_FILTER_OPERATOR', written, `invalid ID field: ${text}`);
    }
    return { value: id };
  }

  private mismatch(written: string, wanted: string, literal: string): ApiError {
    const quotes = wanted === 'string' ? 'should be enclosed in quotes' : 'should not be enclosed in quotes';
    const tail = literal.startsWith("'") === (wanted === 'string') ? '' : ` and ${quotes}`;
    const message = `value of filter criterion for field '${written}' must be of type ${wanted}${tail}`;
    return this.compiler.refuse('INVALID_FIELD', written, message);
  }
}

function wantedLiteral(field: FieldSchema): 'string' | 'double' | 'boolean' | 'date' | 'dateTime' {
  switch (field.type) {
    case 'double':
    case 'currency':
      return 'double';
    case 'boolean':
    case 'date':
      return field.type;
    case 'datetime':
      return 'dateTime';
    default:
      return 'string';
  }
}

function givenLiteral(type: LiteralType | undefined): ReturnType<typeof wantedLiteral> | null {
  switch (type) {
    case 'STRING':
      return 'string';
    case 'INTEGER':
    case 'DECIMAL':
      return 'double';
    case 'BOOLEAN':
      return 'boolean';
    case 'DATE':
      return 'date';
    case 'DATETIME':
      return 'dateTime';
    default:
      return null;
  }
}

/** Text compares without regard to case, ids do not. */
function equal(value: Value, operand: Operand, field: FieldSchema, now: number): boolean {
  if ('range' in operand) {
    const [from, to] = operand.range(now);
    return typeof value === 'string' && value >= from && value < to;
  }
  if (operand.value === '') return value === null || value === '';
  const isText = field.type === 'string' || field.type === 'picklist';
  if (isText && typeof value === 'string' && typeof operand.value === 'string') {
    return value.toLowerCase() === operand.value.toLowerCase();
  }
  return value === operand.value;
}

function ordered(operator: '<' | '>' | '<=' | '>=', value: Value, operand: Operand, now: number): boolean {
  const bounds: [Value, Value] = 'range' in operand ? operand.range(now) : [operand.value, operand.value];
  const [from, to] = bounds;
  if (value === null || from === null || to === null) return false;
  const inRange = 'range' in operand;
  switch (operator) {
    case '<':
      return value < from;
    case '>=':
      return value >= from;
    case '>':
      return inRange ? value >= to : value > from;
    case '<=':
      return inRange ? value < to : value <= from;
  }
}
