import { z } from 'zod';
import { StoreError } from '../contract';

const sqliteError = z.object({ errcode: z.number(), message: z.string() });
const fileError = z.object({ code: z.string(), syscall: z.string() });

/** What SQLite or a row's schema threw, as a StoreError that says what to do. */
export function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if (error instanceof z.ZodError) return corrupt(z.prettifyError(error), error);
  const ofFile = fileError.safeParse(error);
  if (ofFile.success)
    return new StoreError('UNAVAILABLE', `A file of the store cannot be opened: ${ofFile.data.code}.`, {
      cause: error,
    });
  const parsed = sqliteError.safeParse(error);
  if (!parsed.success)
    return new StoreError('INVALID', `The store was used wrongly: ${String(error)}`, { cause: error });
  const { errcode, message } = parsed.data;
  // The low byte is the primary code, https://sqlite.org/rescode.html
  switch (errcode & 0xff) {
    case 5: // BUSY
    case 6: // LOCKED
      return new StoreError(
        'LOCKED',
        'Another program holds the store’s database; close it (an open database browser, a backup that copies the file).',
        { cause: error },
      );
    case 8: // READONLY
      return readOnly('database', error);
    case 11: // CORRUPT
    case 26: // NOTADB
      return corrupt(message, error);
    case 13: // FULL
      return new StoreError('UNAVAILABLE', 'The disk of the store is full; free some space.', { cause: error });
    case 19: // CONSTRAINT
    case 20: // MISMATCH
    case 25: // RANGE
      return new StoreError('INVALID', `The store refused a record: ${message}`, { cause: error });
    default:
      return new StoreError('UNAVAILABLE', `The store’s database cannot be read or written: ${message} (${errcode})`, {
        cause: error,
      });
  }
}

export function corrupt(what: string, cause?: unknown): StoreError {
  return new StoreError(
    'CORRUPT',
    `The store’s database is damaged: ${what}. It was left as it is. Stop Node-RED and keep a copy of order-provisioning.sqlite and the files beside it; then put back a backup, or move them away: a new store begins, and older orders are checked against WHMCS before anything is sent for them.`,
    cause === undefined ? undefined : { cause },
  );
}

export function readOnly(what: string, cause?: unknown): StoreError {
  return new StoreError(
    'READ_ONLY',
    `The store’s ${what} cannot be written; give the user that runs Node-RED the right to write to it.`,
    cause === undefined ? undefined : { cause },
  );
}
