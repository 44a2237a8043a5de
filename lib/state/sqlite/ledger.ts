import { z } from 'zod';
import type { Fact, Ledger, LedgerEntry, OrderState } from '../contract';
import { jsonObject, type Command, type Connection, type Query } from './connection';
import { fenceRow } from './leases';

const stateRow = z.object({ state: jsonObject }).transform((row, context): OrderState => {
  const { format } = row.state;
  if (typeof format === 'number') return { ...row.state, format };
  context.addIssue({ code: 'custom', message: 'The state of an order has no format' });
  return z.NEVER;
});

const factRow = z
  .object({
    intent: z.string(),
    kind: z.enum(['sent', 'not-sent', 'call-ended', 'order-seen']),
    whmcs_order_id: z.number().nullable(),
    at: z.number(),
    detail: z.string().nullable(),
  })
  .transform((row): Fact => ({
    intent: row.intent,
    kind: row.kind,
    at: row.at,
    ...(row.whmcs_order_id === null ? {} : { whmcsOrderId: row.whmcs_order_id }),
    ...(row.detail === null ? {} : { detail: row.detail }),
  }));

const orderRow = z.object({ order_id: z.string() }).transform((row) => row.order_id);
const todoRow = z.object({ todo: z.string() }).transform((row) => row.todo);

export class SqliteLedger implements Ledger {
  private readonly fence: Query<number>;
  private readonly state: Query<OrderState>;
  private readonly facts: Query<Fact>;
  private readonly addFact: Command;
  private readonly putState: Command;
  private readonly todos: Query<string>;
  private readonly addTodo: Command;
  private readonly dropTodo: Command;
  private readonly ordersWith: Query<string>;

  /**
   * @param mark raised with each call that leaves for WHMCS, and kept beside the database before its first byte: a copy that
   * does not know of the call is behind it, however young it is.
   */
  constructor(
    private readonly connection: Connection,
    private readonly mark: { raise(): void; keep(): void },
  ) {
    this.fence = connection.query('SELECT fence FROM fences WHERE name = $name', fenceRow);
    this.state = connection.query('SELECT state FROM ledger WHERE order_id = $orderId', stateRow);
    this.facts = connection.query(
      'SELECT intent, kind, whmcs_order_id, at, detail FROM facts WHERE order_id = $orderId ORDER BY seq',
      factRow,
    );
    this.addFact = connection.command(
      `INSERT INTO facts (order_id, intent, kind, whmcs_order_id, at, detail)
       VALUES ($orderId, $intent, $kind, $whmcsOrderId, $at, $detail) ON CONFLICT DO NOTHING`,
    );
    this.putState = connection.command(
      `INSERT INTO ledger (order_id, fence, state) VALUES ($orderId, $fence, $state)
       ON CONFLICT (order_id) DO UPDATE SET fence = $fence, state = $state`,
    );
    this.todos = connection.query('SELECT todo FROM ledger_todo WHERE order_id = $orderId', todoRow);
    this.addTodo = connection.command('INSERT INTO ledger_todo (todo, order_id) VALUES ($todo, $orderId)');
    this.dropTodo = connection.command('DELETE FROM ledger_todo WHERE todo = $todo AND order_id = $orderId');
    this.ordersWith = connection.query(
      'SELECT order_id FROM ledger_todo WHERE todo = $todo ORDER BY seq LIMIT $limit',
      orderRow,
    );
  }

  async read(orderId: string): Promise<LedgerEntry> {
    return {
      fence: this.highestFence(orderId),
      state: this.state.get({ orderId }) ?? null,
      facts: this.facts.all({ orderId }),
    };
  }

  async record(orderId: string, fact: Fact): Promise<void> {
    const { intent, kind, whmcsOrderId = null, at, detail = null } = fact;
    const leaves = this.connection.writeAnyway(() => {
      const isNew = this.addFact.run({ orderId, intent, kind, whmcsOrderId, at: Math.round(at), detail }) === 1;
      if (isNew && kind === 'sent') this.mark.raise();
      return isNew && kind === 'sent';
    });
    if (leaves) this.mark.keep();
  }

  async write(orderId: string, fence: number, state: OrderState): Promise<'written' | 'fenced'> {
    return this.connection.write(() => {
      if (fence < this.highestFence(orderId)) return 'fenced';
      this.putState.run({ orderId, fence, state: JSON.stringify(state) });
      this.index(orderId, todoOf(state));
      return 'written';
    });
  }

  /** Those that have carried it longest first. */
  async withTodo(todo: string, limit: number): Promise<string[]> {
    return this.ordersWith.all({ todo, limit });
  }

  private highestFence(orderId: string): number {
    return this.fence.get({ name: `order:${orderId}` }) ?? 0;
  }

  private index(orderId: string, now: ReadonlySet<string>): void {
    const before = new Set(this.todos.all({ orderId }));
    for (const todo of before) if (!now.has(todo)) this.dropTodo.run({ todo, orderId });
    for (const todo of now) if (!before.has(todo)) this.addTodo.run({ todo, orderId });
  }
}

function todoOf(state: OrderState): Set<string> {
  const { todo } = state;
  return new Set(Array.isArray(todo) ? todo.filter((word) => typeof word === 'string') : []);
}
