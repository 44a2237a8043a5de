/** Runs a plan over the org's records and writes the answer as REST does. Salesforce reference §4.2. */
import { ApiError } from './errors';
import { toLongId } from './ids';
import type { Records, Row, Value } from './records';
import type { Column, Path, Plan, RowReader } from './soql';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface QueryShape {
  /** Path of the API version, as /services/data/v68.0. */
  base: string;
  /** Rows of one page, and of one page of children. */
  pageSize: number;
  childPageSize: number;
  /** What stands for an empty list of children. */
  noChildren: 'null' | 'empty';
}

interface Cursor {
  records: Json[];
  pageSize: number;
}

/** Answers queries, and keeps what does not fit one page. */
export class QueryRunner {
  private readonly cursors = new Map<string, Cursor>();
  private nextCursor = 1;

  constructor(
    private readonly records: Records,
    private readonly now: () => number,
  ) {}

  run(plan: Plan, shape: QueryShape): Json {
    const rows = this.select(plan, this.candidates(plan));
    if (plan.count) return { totalSize: rows.length, done: true, records: [] };
    return this.firstPage(
      rows.map((row) => this.write(row, plan.columns, shape)),
      shape.pageSize,
      shape.base,
    );
  }

  /**
   * The page a nextRecordsUrl names.
   * @throws ApiError INVALID_QUERY_LOCATOR when it names none.
   */
  more(locator: string, base: string): Json {
    const [id = '', from = ''] = locator.split('-');
    const cursor = this.cursors.get(id);
    if (!cursor || !/^\d+$/.test(from)) throw new ApiError(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
    return this.page(id, cursor, Number(from), base);
  }

  clear(): void {
    this.cursors.clear();
  }

  private candidates(plan: Plan): Row[] {
    if (plan.onlyId === null) return this.records.all(plan.object);
    const row = this.records.get(plan.onlyId);
    return row && row.object === plan.object && !row.deleted ? [row] : [];
  }

  private select(plan: Plan, rows: Row[]): Row[] {
    const reader = this.reader();
    const { where } = plan;
    const found = where ? rows.filter((row) => where(row, reader)) : rows;
    const sorted = plan.orderBy.length === 0 ? found : [...found].sort((a, b) => this.compare(plan, a, b));
    return sorted.slice(plan.offset, plan.limit === null ? undefined : plan.offset + plan.limit);
  }

  private compare(plan: Plan, a: Row, b: Row): number {
    for (const { path, descending, nullsLast } of plan.orderBy) {
      const left = this.valueAt(a, path);
      const right = this.valueAt(b, path);
      if (left === right) continue;
      if (left === null) return nullsLast ? 1 : -1;
      if (right === null) return nullsLast ? -1 : 1;
      return left < right === descending ? 1 : -1;
    }
    return 0;
  }

  private reader(): RowReader {
    return {
      valueAt: (row, path) => this.valueAt(row, path),
      valuesOf: (plan) =>
        this.select(plan, this.records.all(plan.object)).map((row) => {
          const column = plan.columns[0];
          return column?.kind === 'field' ? this.records.value(row, column.field.name) : null;
        }),
      now: this.now(),
    };
  }

  private valueAt(row: Row, path: Path): Value {
    let at: Row | null = row;
    for (const reference of path.through) at = at && this.records.parent(at, reference.name);
    return at && this.records.value(at, path.field.name);
  }

  private write(row: Row, columns: Column[], shape: QueryShape): Json {
    const record: { [key: string]: Json } = { attributes: attributes(row, shape.base) };
    for (const column of columns) {
      if (column.kind === 'field') {
        record[column.field.name] = this.records.value(row, column.field.name);
      } else if (column.kind === 'parent') {
        const parent = this.records.parent(row, column.through.name);
        record[column.name] = parent && this.write(parent, column.columns, shape);
      } else {
        record[column.relationship.name] = this.children(row, column, shape);
      }
    }
    return record;
  }

  private children(row: Row, column: Extract<Column, { kind: 'children' }>, shape: QueryShape): Json {
    const { relationship, plan } = column;
    const isItems = relationship.sObject === 'OrderItem';
    const all = isItems ? this.records.items(row.id) : this.records.all(plan.object);
    const found = this.select(
      plan,
      all.filter((child) => child.values[relationship.field] === row.id),
    );
    if (found.length === 0 && shape.noChildren === 'null') return null;
    const written = found.map((child) => this.write(child, plan.columns, shape));
    return this.firstPage(written, shape.childPageSize, shape.base);
  }

  private firstPage(records: Json[], pageSize: number, base: string): Json {
    if (records.length <= pageSize) return { totalSize: records.length, done: true, records };
    const id = toLongId(`01gQl0${String(this.nextCursor).padStart(9, '0')}`);
    this.nextCursor += 1;
    const cursor = { records, pageSize };
    this.cursors.set(id, cursor);
    const oldest = this.cursors.keys().next();
    if (this.cursors.size > 1000 && !oldest.done) this.cursors.delete(oldest.value);
    return this.page(id, cursor, 0, base);
  }

  private page(id: string, cursor: Cursor, from: number, base: string): Json {
    const to = from + cursor.pageSize;
    const totalSize = cursor.records.length;
    const records = cursor.records.slice(from, to);
    if (to >= totalSize) return { totalSize, done: true, records };
    return { totalSize, done: false, nextRecordsUrl: `${base}/query/${id}-${to}`, records };
  }
}

export function attributes(row: Row, base: string): { type: string; url: string } {
  return { type: row.object.name, url: `${base}/sobjects/${row.object.name}/${row.id}` };
}
