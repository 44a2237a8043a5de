import { z } from 'zod';
import type { Timeline, TimelineEntry } from '../contract';
import type { Command, Connection, Query } from './connection';

const entryRow = z
  .object({
    order_id: z.string(),
    event_id: z.string(),
    attempt: z.number(),
    step: z.string(),
    status: z.enum(['started', 'done', 'failed', 'skipped', 'parked']),
    started_at: z.number(),
    ms: z.number().nullable(),
    detail: z.string(),
  })
  .transform((row): TimelineEntry => ({
    orderId: row.order_id,
    eventId: row.event_id,
    attempt: row.attempt,
    step: row.step,
    status: row.status,
    startedAt: row.started_at,
    ms: row.ms,
    detail: row.detail,
  }));

const countRow = z.object({ count: z.number() }).transform((row) => row.count);

export class SqliteTimeline implements Timeline {
  private readonly replace: Command;
  private readonly put: Command;
  private readonly isKnown: Query<number>;
  private readonly touch: Command;
  private readonly orders: Query<number>;
  private readonly forgetEntries: Command;
  private readonly forgetOrders: Command;
  private readonly select: Query<TimelineEntry>;

  /** @param keepOrders how many orders keep their steps; those that were touched longest ago are forgotten. */
  constructor(
    private readonly connection: Connection,
    private readonly keepOrders: number,
  ) {
    const same = 'event_id = $eventId AND step = $step AND started_at = $startedAt';
    // An outcome that is there already is not undone by its own *started*, told late.
    this.replace = connection.command(
      `UPDATE OR REPLACE timeline SET attempt = $attempt, status = $status, ms = $ms, detail = $detail
       WHERE ${same} AND $status <> 'started'`,
    );
    this.put = connection.command(
      `INSERT INTO timeline (order_id, event_id, attempt, step, status, started_at, ms, detail)
       SELECT $orderId, $eventId, $attempt, $step, $status, $startedAt, $ms, $detail
       WHERE NOT EXISTS (SELECT 1 FROM timeline WHERE ${same})`,
    );
    this.isKnown = connection.query(
      'SELECT count(*) AS count FROM timeline_orders WHERE order_id = $orderId',
      countRow,
    );
    this.touch = connection.command(
      `INSERT INTO timeline_orders (order_id, touched) SELECT $orderId, ifnull(max(touched), 0) + 1 FROM timeline_orders
       WHERE true ON CONFLICT (order_id) DO UPDATE SET touched = excluded.touched`,
    );
    this.orders = connection.query('SELECT count(*) AS count FROM timeline_orders', countRow);
    const oldest = 'SELECT order_id FROM timeline_orders ORDER BY touched LIMIT $surplus';
    this.forgetEntries = connection.command(`DELETE FROM timeline WHERE order_id IN (${oldest})`);
    this.forgetOrders = connection.command(`DELETE FROM timeline_orders WHERE order_id IN (${oldest})`);
    this.select = connection.query(
      `SELECT order_id, event_id, attempt, step, status, started_at, ms, detail FROM timeline
       WHERE order_id = $orderId ORDER BY seq`,
      entryRow,
    );
  }

  async append(entry: TimelineEntry): Promise<void> {
    const { orderId, eventId, attempt, step, status, detail } = entry;
    const startedAt = Math.round(entry.startedAt);
    const ms = entry.ms === null ? null : Math.round(entry.ms);
    this.connection.write(() => {
      const isNew = this.isKnown.get({ orderId }) === 0;
      this.replace.run({ eventId, attempt, step, status, startedAt, ms, detail });
      this.put.run({ orderId, eventId, attempt, step, status, startedAt, ms, detail });
      this.touch.run({ orderId });
      if (isNew) this.forgetOldest();
    });
  }

  async ofOrder(orderId: string): Promise<TimelineEntry[]> {
    return this.select.all({ orderId });
  }

  private forgetOldest(): void {
    const surplus = (this.orders.get() ?? 0) - this.keepOrders;
    if (surplus <= 0) return;
    this.forgetEntries.run({ surplus });
    this.forgetOrders.run({ surplus });
  }
}
