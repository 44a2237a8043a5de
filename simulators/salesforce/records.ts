/** The org's data: rows by id, transactions over them, fields that Salesforce computes. */
import { ApiError } from './errors';
import { IdSequence } from './ids';
import { objectNames, objectSchema, type ObjectSchema } from './schema';

export type Value = string | number | boolean | null;
export type Values = Record<string, Value>;

export interface Row {
  readonly id: string;
  readonly object: ObjectSchema;
  readonly values: Readonly<Values>;
  readonly deleted: boolean;
}

/** A datetime as the REST API writes it; Salesforce keeps whole seconds. */
export function toDatetime(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('Z', '+0000');
}

/** What a transaction did to one row. */
export interface RowChange {
  before: Row | null;
  after: Row;
  /** What the writer sent, not what was computed. */
  sent: Readonly<Values>;
}

export class Records {
  private readonly rows = new Map<string, Row>();
  private readonly idsOf = new Map<ObjectSchema, Set<string>>();
  private readonly itemIds = new Map<Value, Set<string>>();
  private readonly locks = new Set<string>();
  private sequences = new Map<string, IdSequence>();

  /** The row of an 18-character id, deleted ones too. */
  get(id: string): Row | undefined {
    return this.rows.get(id);
  }

  all(object: ObjectSchema): Row[] {
    return this.living(this.idsOf.get(object));
  }

  /** A field of a row, computed where Salesforce computes it. */
  value(row: Row, fieldName: string): Value {
    const stored = row.values[fieldName] ?? null;
    switch (`${row.object.name}.${fieldName}`) {
      case 'Order.StatusCode':
        return row.values.Status === 'Activated' ? 'Activated' : 'Draft';
      case 'Order.TotalAmount':
        return this.items(row.id).reduce((sum, item) => sum + amount(item), 0);
      case 'OrderItem.TotalPrice':
        return amount(row);
      case 'PricebookEntry.Name':
        return this.through(row, 'Product2Id', 'Name');
      case 'PricebookEntry.ProductCode':
        return this.through(row, 'Product2Id', 'ProductCode');
      default:
        return fieldName === 'IsDeleted' ? row.deleted : stored;
    }
  }

  /** The row that a reference field points to. */
  parent(row: Row, fieldName: string): Row | null {
    const id = row.values[fieldName];
    return typeof id === 'string' ? (this.rows.get(id) ?? null) : null;
  }

  items(orderId: string): Row[] {
    return this.living(this.itemIds.get(orderId));
  }

  nextId(object: ObjectSchema): string {
    let sequence = this.sequences.get(object.name);
    if (!sequence) this.sequences.set(object.name, (sequence = new IdSequence(object.keyPrefix)));
    return sequence.take();
  }

  /** Puts a row there as it is, with no rule run: for the seed and for tests. */
  put(row: Row): void {
    this.rows.set(row.id, row);
    remember(this.idsOf, row.object, row.id);
    if (row.object.name === 'OrderItem') remember(this.itemIds, row.values.OrderId ?? null, row.id);
  }

  lock(ids: Iterable<string>): () => void {
    const held = [...ids];
    for (const id of held) this.locks.add(id);
    return () => held.forEach((id) => this.locks.delete(id));
  }

  isLocked(id: string): boolean {
    return this.locks.has(id);
  }

  clear(): void {
    this.rows.clear();
    this.idsOf.clear();
    this.itemIds.clear();
    this.locks.clear();
    this.sequences = new Map();
  }

  private living(ids: Iterable<string> = []): Row[] {
    return [...ids].flatMap((id) => this.rows.get(id) ?? []).filter((row) => !row.deleted);
  }

  private through(row: Row, reference: string, fieldName: string): Value {
    const parent = this.parent(row, reference);
    return parent ? this.value(parent, fieldName) : null;
  }
}

function remember<K>(index: Map<K, Set<string>>, key: K, id: string): void {
  const ids = index.get(key);
  if (ids) ids.add(id);
  else index.set(key, new Set([id]));
}

function amount(item: Row): number {
  return Number(item.values.Quantity ?? 0) * Number(item.values.UnitPrice ?? 0);
}

/** Writes that are seen by nobody else until commit. */
export class Transaction {
  private readonly staged = new Map<string, RowChange>();

  constructor(
    private readonly records: Records,
    /** Virtual ms. */
    readonly now: number,
    readonly userId: string,
  ) {}

  read(id: string): Row | undefined {
    return this.staged.get(id)?.after ?? this.records.get(id);
  }

  insert(objectName: string, values: Values, id?: string): Row {
    const object = objectSchema(objectName);
    if (!object) throw new Error(`No sObject ${objectName} (there are ${objectNames.join(', ')})`);
    const newId = id ?? this.records.nextId(object);
    const created = { Id: newId, CreatedDate: toDatetime(this.now), CreatedById: this.userId };
    const row = { id: newId, object, values: { ...values, ...created, ...this.stamp() }, deleted: false };
    this.staged.set(newId, { before: null, after: row, sent: values });
    return row;
  }

  /** `sent` is what the writer asked for, `computed` what the org adds to it. */
  update(row: Row, sent: Values, computed: Values = {}): Row {
    if (this.records.isLocked(row.id)) {
      const message = `unable to obtain exclusive access to this record or 1 records: ${row.id}`;
      throw new ApiError(400, 'UNABLE_TO_LOCK_ROW', message, []);
    }
    const earlier = this.staged.get(row.id);
    const after = { ...row, values: { ...row.values, ...sent, ...computed, ...this.stamp() } };
    const before = earlier ? earlier.before : row;
    this.staged.set(row.id, { before, after, sent: { ...earlier?.sent, ...sent } });
    return after;
  }

  ids(): string[] {
    return [...this.staged.keys()];
  }

  commit(): RowChange[] {
    const changes = [...this.staged.values()];
    for (const change of changes) this.records.put(change.after);
    this.staged.clear();
    return changes;
  }

  private stamp(): Values {
    const at = toDatetime(this.now);
    return { LastModifiedDate: at, LastModifiedById: this.userId, SystemModstamp: at };
  }
}
