import { z } from 'zod';
import type { Claims, OpenIntents } from '../contract';
import type { Command, Connection, Query } from './connection';

const holderRow = z.object({ order_id: z.string() }).transform((row) => row.order_id);

export class SqliteClaims implements Claims {
  private readonly insert: Command;
  private readonly select: Query<string>;

  constructor(private readonly connection: Connection) {
    this.insert = connection.command(
      `INSERT INTO claims (whmcs, whmcs_order_id, order_id) VALUES ($whmcs, $whmcsOrderId, $orderId)
       ON CONFLICT (whmcs, whmcs_order_id) DO NOTHING`,
    );
    this.select = connection.query(
      'SELECT order_id FROM claims WHERE whmcs = $whmcs AND whmcs_order_id = $whmcsOrderId',
      holderRow,
    );
  }

  async claim(whmcs: string, whmcsOrderId: number, orderId: string): Promise<{ by: string; isNew: boolean }> {
    return this.connection.write(() => {
      const isNew = this.insert.run({ whmcs, whmcsOrderId, orderId }) === 1;
      return { by: this.select.get({ whmcs, whmcsOrderId }) ?? orderId, isNew };
    });
  }

  async holder(whmcs: string, whmcsOrderId: number): Promise<string | null> {
    return this.select.get({ whmcs, whmcsOrderId }) ?? null;
  }
}

const openRow = z
  .object({ order_id: z.string(), intent: z.string() })
  .transform((row) => ({ orderId: row.order_id, intent: row.intent }));

export class SqliteOpenIntents implements OpenIntents {
  private readonly insert: Command;
  private readonly remove: Command;
  private readonly select: Query<{ orderId: string; intent: string }>;

  constructor(private readonly connection: Connection) {
    this.insert = connection.command(
      `INSERT INTO open_intents (whmcs, client_id, order_id, intent) VALUES ($whmcs, $clientId, $orderId, $intent)
       ON CONFLICT DO NOTHING`,
    );
    this.remove = connection.command(
      `DELETE FROM open_intents
       WHERE whmcs = $whmcs AND client_id = $clientId AND order_id = $orderId AND intent = $intent`,
    );
    this.select = connection.query(
      `SELECT order_id, intent FROM open_intents WHERE whmcs = $whmcs AND client_id = $clientId
       ORDER BY order_id, intent`,
      openRow,
    );
  }

  async open(whmcs: string, clientId: number, orderId: string, intent: string): Promise<void> {
    this.connection.write(() => this.insert.run({ whmcs, clientId, orderId, intent }));
  }

  async close(whmcs: string, clientId: number, orderId: string, intent: string): Promise<void> {
    this.connection.write(() => this.remove.run({ whmcs, clientId, orderId, intent }));
  }

  async of(whmcs: string, clientId: number): Promise<{ orderId: string; intent: string }[]> {
    return this.select.all({ whmcs, clientId });
  }
}
