import { z } from 'zod';
import type { IdMapping, IdMappings } from '../contract';
import type { Command, Connection, Query } from './connection';

const mappingRow = z
  .object({ portal_user_id: z.string().nullable(), whmcs_client_id: z.number(), sf_account_id: z.string() })
  .transform((row): IdMapping => ({
    portalUserId: row.portal_user_id,
    whmcsClientId: row.whmcs_client_id,
    sfAccountId: row.sf_account_id,
  }));

const columns = 'portal_user_id, whmcs_client_id, sf_account_id';

export class SqliteIdMappings implements IdMappings {
  private readonly byAccount: Query<IdMapping>;
  private readonly byClient: Query<IdMapping>;
  private readonly sharing: Query<IdMapping>;
  private readonly upsert: Command;

  constructor(private readonly connection: Connection) {
    this.byAccount = connection.query(
      `SELECT ${columns} FROM id_mappings WHERE sf_account_id = $sfAccountId`,
      mappingRow,
    );
    this.byClient = connection.query(
      `SELECT ${columns} FROM id_mappings WHERE whmcs_client_id = $whmcsClientId`,
      mappingRow,
    );
    this.sharing = connection.query(
      `SELECT ${columns} FROM id_mappings
       WHERE sf_account_id = $sfAccountId OR whmcs_client_id = $whmcsClientId OR portal_user_id = $portalUserId`,
      mappingRow,
    );
    this.upsert = connection.command(
      `INSERT INTO id_mappings (${columns}) VALUES ($portalUserId, $whmcsClientId, $sfAccountId)
       ON CONFLICT (sf_account_id) DO UPDATE SET portal_user_id = ifnull($portalUserId, portal_user_id)`,
    );
  }

  async bySfAccount(sfAccountId: string): Promise<IdMapping | null> {
    return this.byAccount.get({ sfAccountId }) ?? null;
  }

  async byWhmcsClient(whmcsClientId: number): Promise<IdMapping | null> {
    return this.byClient.get({ whmcsClientId }) ?? null;
  }

  /** The same pair of client and account may learn its portal user later; nothing else ever changes by itself. */
  async put(mapping: IdMapping): Promise<'written' | 'conflict'> {
    const { portalUserId, whmcsClientId, sfAccountId } = mapping;
    return this.connection.write(() => {
      const others = this.sharing
        .all({ portalUserId, whmcsClientId, sfAccountId })
        .filter((other) => !isSame(other, mapping));
      if (others.length > 0) return 'conflict';
      this.upsert.run({ portalUserId, whmcsClientId, sfAccountId });
      return 'written';
    });
  }
}

function isSame(one: IdMapping, other: IdMapping): boolean {
  return (
    one.whmcsClientId === other.whmcsClientId &&
    one.sfAccountId === other.sfAccountId &&
    (one.portalUserId === null || other.portalUserId === null || one.portalUserId === other.portalUserId)
  );
}
