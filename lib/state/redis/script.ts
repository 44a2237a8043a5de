/**
 * Our Lua scripts. Each looks first whether the keys are still those that this connection has looked through, and does
 * nothing where they are not: after a wipe, under another store's keys, with a mark below the one that was confirmed (it
 * grows with every durable write), or when a newer connection of this process stands. So what was sent over a connection
 * that was given up cannot take effect after a later answer was read.
 */
import { createHash } from 'node:crypto';
import { storeKey } from './keys';

export type Argument = string | number;

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** What stands before the arguments of each script. */
export interface Expected {
  storeId: string;
  instance: string;
  /** Names the connection; see `connectionField`. */
  connection: string;
  /** The highest mark that was confirmed to this process. */
  mark: number;
}

export const expected = ({ storeId, instance, connection, mark }: Expected): Argument[] => [
  storeId,
  instance,
  connection,
  mark,
];

/** Field of the store's HASH that names the one connection of an instance that may write. */
export const connectionField = 'connection:';

/** First word of the answer of a script that found another store than it expected, or none. */
export const storeGone = 'STOREGONE';

/**
 * @param body Lua that returns the value. `arg[n]` are the arguments, `call` is `redis.call`, `text(n)` is the n-th argument
 * or nil where it is empty, `wrote()` marks a durable write, `nextSeq()` counts through the whole store.
 */
export function script(body: string): Script {
  const lua = `
local call = redis.call
local store = '${storeKey}'
local found = call('HMGET', store, 'id', '${connectionField}' .. ARGV[2], 'mark')
if found[1] ~= ARGV[1] or found[2] ~= ARGV[3] or tonumber(found[3] or -1) < tonumber(ARGV[4]) then
  return redis.error_reply('${storeGone} The keys are not as they were')
end
local arg = { unpack(ARGV, 5) }
local function text(n) if arg[n] == '' then return nil end return arg[n] end
local function wrote() call('HINCRBY', store, 'mark', 1) end
local function nextSeq() return call('HINCRBY', store, 'seq', 1) end
local function run()
${body}
end
local value = run()
return { call('HGET', store, 'mark'), value or false }`;
  return bare(lua);
}

/** A script without the look at the store: for the scripts that open it. */
export function bare(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
