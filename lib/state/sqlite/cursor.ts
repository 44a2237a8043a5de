import { z } from 'zod';
import type { Cursor, Position } from '../contract';
import type { Command, Connection, Query } from './connection';

const positionRow = z
  .object({ replay_id: z.string(), fence: z.number(), sequence: z.number() })
  .transform((row): Position => ({ replayId: row.replay_id, fence: row.fence, sequence: row.sequence }));

export class SqliteCursor implements Cursor {
  private readonly select: Query<Position>;
  private readonly upsert: Command;
  private readonly remove: Command;

  constructor(private readonly connection: Connection) {
    this.select = connection.query(
      'SELECT replay_id, fence, sequence FROM cursors WHERE channel = $channel',
      positionRow,
    );
    this.upsert = connection.command(
      `INSERT INTO cursors (channel, replay_id, fence, sequence) VALUES ($channel, $replayId, $fence, $sequence)
       ON CONFLICT (channel) DO UPDATE SET replay_id = $replayId, fence = $fence, sequence = $sequence
       WHERE (fence, sequence) <= ($fence, $sequence)`,
    );
    this.remove = connection.command('DELETE FROM cursors WHERE channel = $channel');
  }

  async read(channel: string): Promise<Position | null> {
    return this.select.get({ channel }) ?? null;
  }

  async write(channel: string, position: Position): Promise<'moved' | 'older'> {
    return this.connection.write(() => this.move(channel, position));
  }

  /** As `write`, inside a transaction of the caller. */
  move(channel: string, position: Position): 'moved' | 'older' {
    const { replayId, fence, sequence } = position;
    return this.upsert.run({ channel, replayId, fence, sequence }) === 1 ? 'moved' : 'older';
  }

  async clear(channel: string): Promise<void> {
    this.connection.write(() => this.remove.run({ channel }));
  }
}
