/** The files of a store, and whether they may be opened at all. Nothing here writes to any of them. */
import { constants, statSync } from 'node:fs';
import { access, open, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StoreError } from '../contract';
import { Connection } from './connection';
import { schemaVersion } from './schema';
import { corrupt, readOnly } from './sqlite-errors';

export interface StoreFiles {
  database: string;
  log: string;
  lock: string;
}

/** @throws StoreError UNAVAILABLE when there is no such directory. */
export async function realDirectory(directory: string): Promise<string> {
  const real = await realpath(directory).catch(() => null);
  if (real !== null && (await stat(real)).isDirectory()) return real;
  throw new StoreError('UNAVAILABLE', `The directory of the store, ${directory}, does not exist; create it.`);
}

export function filesOf(directory: string): StoreFiles {
  const database = join(directory, 'order-provisioning.sqlite');
  return { database, log: `${database}-wal`, lock: join(directory, 'order-provisioning.lock') };
}

/** @throws StoreError READ_ONLY */
export async function refuseReadOnly(directory: string, files: StoreFiles): Promise<void> {
  if (!(await isWritable(directory))) throw readOnly(`directory, ${directory},`);
  for (const file of [files.database, files.log, `${files.database}-shm`, files.lock])
    if ((await sizeOf(file)) !== null && !(await isWritable(file))) throw readOnly(`file ${file}`);
}

/**
 * Looks at the database without changing it. Called with the lock in hand.
 * @param storeKnown whether the side file remembers a store here.
 * @returns a reading connection; null when there is no database yet.
 * @throws StoreError CORRUPT, NEWER
 */
export async function inspect(files: StoreFiles, storeKnown: boolean): Promise<Connection | null> {
  const size = await sizeOf(files.database);
  if (size === null || size === 0) {
    // SQLite would delete a log that has no database, and make an empty file a new database: both hold lost records.
    if (((await sizeOf(files.log)) ?? 0) > 0)
      throw corrupt('the file is missing or empty, but its log (-wal) is there');
    if (size === 0 && storeKnown) throw corrupt('the file is empty');
    return null;
  }
  if (!(await beginsAsSqlite(files.database))) throw corrupt('the file does not begin as an SQLite database');
  const reader = new Connection(files.database, { readOnly: true });
  try {
    const verdict = reader.pragma('quick_check', z.string());
    if (verdict !== 'ok') throw corrupt(oneLine(verdict));
    schemaVersion(reader);
    return reader;
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** SQLite's verdict has a line for each fault; the first few say enough. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 200);

/**
 * A check that the open files are still those in the directory: a file that was moved, deleted or replaced goes on taking
 * writes, and nobody finds them again.
 * @throws (the returned function) StoreError UNAVAILABLE
 */
export function refuseMovedFiles(files: StoreFiles): () => void {
  // Windows does not let an open file go.
  if (process.platform === 'win32') return () => undefined;
  const opened = [files.database, files.log].map((path) => ({ path, identity: identityOf(path) }));
  return () => {
    if (opened.every(({ path, identity }) => identityOf(path) === identity)) return;
    throw new StoreError(
      'UNAVAILABLE',
      'The store’s files were moved, deleted or replaced while they were open; nothing more is written. Put them back, then restart Node-RED.',
    );
  };
}

function identityOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : 'none';
}

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => found.size,
    () => null,
  );
}

async function beginsAsSqlite(path: string): Promise<boolean> {
  const magic = 'SQLite format 3\0';
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && buffer.toString('latin1') === magic;
  } finally {
    await file.close();
  }
}
