/** A table of ids as a person describes it: its name and its columns, quoted, so that a name can be no SQL. */

export interface DescribedTable {
  /** `id_mappings`, or with its schema: `portal.id_mappings`. */
  table: string;
  accountColumn: string;
  clientColumn: string;
  /** null: the table has none. */
  portalColumn: string | null;
}

export const shippedTable: DescribedTable = {
  table: 'id_mappings',
  accountColumn: 'sf_account_id',
  clientColumn: 'whmcs_client_id',
  portalColumn: 'portal_user_id',
};

/** The same, ready for SQL. */
export interface QuotedTable {
  table: string;
  account: string;
  client: string;
  /** `NULL` where the table has none. */
  portal: string;
  hasPortal: boolean;
}

/** PostgreSQL cuts longer names off without a word. */
const name = /^[A-Za-z_][A-Za-z0-9_$]{0,62}$/;

/** @throws Error that names the setting. */
export function quoted({ table, accountColumn, clientColumn, portalColumn }: DescribedTable): QuotedTable {
  const parts = table.split('.');
  if (parts.length > 2) throw new Error(`mappingTable must be a table, or schema.table; it is ${shown(table)}.`);
  return {
    table: parts.map((part) => identifier(part, 'mappingTable')).join('.'),
    account: identifier(accountColumn, 'accountColumn'),
    client: identifier(clientColumn, 'clientColumn'),
    portal: portalColumn === null ? 'NULL' : identifier(portalColumn, 'portalColumn'),
    hasPortal: portalColumn !== null,
  };
}

function identifier(given: string, setting: string): string {
  if (!name.test(given))
    throw new Error(
      `${setting} must be a name of letters, digits and _, at most 63 of them, as PostgreSQL shows it (upper and lower case matter); it is ${shown(given)}.`,
    );
  return `"${given}"`;
}

const shown = (given: string): string => JSON.stringify(given.length > 40 ? `${given.slice(0, 39)}…` : given);
