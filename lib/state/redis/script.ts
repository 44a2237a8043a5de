/**
 * Our Lua scripts. Each looks first whether the keys are still those of the store that was opened: after a wipe, or under
 * another store's keys, it does nothing and says so. Each tells the store's mark, which grows with every durable write, so
 * that a server that comes back with less than it had confirmed is noticed.
 */
import { createHash } from 'node:crypto';
import { storeKey } from './keys';

export type Argument = string | number;

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** First word of the answer of a script that found another store, or none. */
export const storeGone = 'STOREGONE';

/**
 * @param body Lua that returns the value. `arg[n]` are the arguments, `call` is `redis.call`, `text(n)` is the n-th argument
 * or nil where it is empty, `wrote()` marks a durable write, `nextSeq()` counts through the whole store.
 */
export function script(body: string): Script {
  const lua = `
local call = redis.call
local store = '${storeKey}'
if call('HGET', store, 'id') ~= ARGV[1] then return redis.error_reply('${storeGone}') end
local arg = { unpack(ARGV, 2) }
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
