/**
 * Leases live in memory: one process owns the store, so all of a dead process are free at once, and time is its own
 * monotonic clock, which nobody sets back. Only the fences are durable: they grow for ever, across restarts.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../clock';
import type { Lease, Leases } from '../contract';
import type { Connection, Query } from './connection';

export const fenceRow = z.object({ fence: z.number() }).transform((row) => row.fence);

export class SqliteLeases implements Leases {
  private readonly held = new Map<string, { token: string; until: number }>();
  private readonly raise: Query<number>;

  constructor(
    private readonly connection: Connection,
    private readonly clock: Clock,
  ) {
    this.raise = connection.query(
      `INSERT INTO fences (name, fence) VALUES ($name, 1) ON CONFLICT (name) DO UPDATE SET fence = fence + 1
       RETURNING fence`,
      fenceRow,
    );
  }

  async acquire(name: string, ttlMs: number): Promise<Lease | null> {
    const holder = this.held.get(name);
    if (holder && holder.until > this.clock.monotonic()) return null;
    const fence = this.connection.write(() => this.raise.get({ name }) ?? 0);
    const token = randomUUID();
    this.held.set(name, { token, until: this.clock.monotonic() + ttlMs });
    return { name, token, fence };
  }

  /** A lease that has run out is renewed as long as nobody else has taken it: its fence is still the highest. */
  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    const holder = this.held.get(lease.name);
    if (holder?.token !== lease.token) return false;
    holder.until = this.clock.monotonic() + ttlMs;
    return true;
  }

  async release(lease: Lease): Promise<boolean> {
    return this.held.get(lease.name)?.token === lease.token && this.held.delete(lease.name);
  }
}
