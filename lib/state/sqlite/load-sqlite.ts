import { StoreError } from '../contract';

type Sqlite = typeof import('node:sqlite');
/** Renamed to `Database` by later versions of Node (DEP0210). */
type SqliteWithNewName = Sqlite & { Database?: Sqlite['DatabaseSync'] };

let loaded: Sqlite['DatabaseSync'] | null = null;

/**
 * Node's own SQLite. Its ExperimentalWarning on first use is kept back, that one alone: Node-RED's log is read by people.
 * @throws StoreError UNAVAILABLE where this Node has none.
 */
export function databaseClass(): Sqlite['DatabaseSync'] {
  if (loaded) return loaded;
  const warn = process.emitWarning;
  process.emitWarning = function filtered(this: unknown, ...rest: unknown[]): void {
    if (rest[1] === 'ExperimentalWarning' && String(rest[0]).startsWith('SQLite ')) return;
    Reflect.apply(warn, process, rest);
  };
  try {
    const sqlite: SqliteWithNewName | undefined = process.getBuiltinModule('node:sqlite');
    loaded = sqlite?.Database ?? sqlite?.DatabaseSync ?? null;
  } finally {
    process.emitWarning = warn;
  }
  if (loaded) return loaded;
  throw new StoreError(
    'UNAVAILABLE',
    `The embedded store needs Node.js 22.13 or later; this is ${process.version}. Update Node.js, or use the Redis store.`,
  );
}
