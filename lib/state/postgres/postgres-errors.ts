/** What PostgreSQL and its client say, in words that tell a person what to do. No host and no password is in them. */
import { IdMappingsError } from '../contract';
import type { DescribedTable } from './described-table';

/** By SQLSTATE, or the code of Node's own. */
const byCode: Record<string, string> = {
  '28P01': 'PostgreSQL refuses the user name or the password (DATABASE_URL).',
  '28000': 'PostgreSQL refuses this user from here (DATABASE_URL, pg_hba.conf).',
  '3D000': 'PostgreSQL has no database of this name (DATABASE_URL).',
  '53300': 'PostgreSQL takes no more connections (max_connections).',
  '57014': 'PostgreSQL does not answer in time (ETIMEDOUT).',
  '57P01': 'PostgreSQL is shutting down.',
  '57P02': 'PostgreSQL has crashed and starts anew.',
  '57P03': 'PostgreSQL is starting or shutting down.',
  '08P01':
    'What stands before PostgreSQL refuses a setting of the connection (PgBouncer: ignore_startup_parameters = statement_timeout).',
};

const byText: [says: RegExp, message: string][] = [
  [/timeout exceeded when trying to connect|read timeout|connection timeout|ETIMEDOUT/i, byCode['57014'] ?? ''],
  [/does not support SSL/i, 'PostgreSQL speaks no TLS, which DATABASE_URL asks for (sslmode).'],
  [/no pg_hba\.conf entry|no encryption/i, byCode['28000'] ?? ''],
  [/Connection terminated|client has encountered|ECONNRESET|EPIPE/i, 'The connection to PostgreSQL is lost.'],
  [/password must be a string/i, byCode['28P01'] ?? ''],
];

const untrusted = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_)/;
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;
const networkCode = /^[A-Z][A-Z0-9_]{3,60}$/;

/** @returns an IdMappingsError; what already is one stays itself. */
export function postgresError(error: unknown, table: DescribedTable): IdMappingsError {
  if (error instanceof IdMappingsError) return error;
  return new IdMappingsError('UNAVAILABLE', wordsFor(error, table), { cause: error });
}

function wordsFor(error: unknown, described: DescribedTable): string {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const { table, accountColumn, clientColumn, portalColumn } = described;
  switch (code) {
    case '42P01':
    case '3F000':
      return `PostgreSQL has no table ${table} for this user. Run postgres/id_mappings.sql of this package, or name the table as it is.`;
    case '42703':
      return `Table ${table} lacks one of the columns ${[accountColumn, clientColumn, portalColumn ?? []].flat().join(', ')}. Name them as they are.`;
    case '42501':
      return `This user may not use table ${table}: GRANT SELECT ON ${table}.`;
    case '42804':
    case '42883':
    case '22P02':
    case '22003':
      return `A column of table ${table} is of a type that holds no such id. Name the columns as they are.`;
  }
  const known = byCode[code] ?? byText.find(([says]) => says.test(message))?.[1];
  if (known !== undefined) return known;
  if (untrusted.test(code)) return `The certificate of PostgreSQL is not trusted (${code}).`;
  if (sqlState.test(code)) return `PostgreSQL cannot be asked (SQLSTATE ${code}).`;
  if (networkCode.test(code)) return `PostgreSQL cannot be reached (${code}).`;
  return 'PostgreSQL cannot be asked.';
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';
