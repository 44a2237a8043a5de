import { z } from 'zod';
import type { Fact, Ledger, LedgerEntry, OrderState } from '../contract';
import type { Connection } from './connection';
import { factsKey, fenceKey, ledgerKey, ordersKey, todoKey } from './keys';
import { jsonText } from './rows';
import { script } from './script';

/** fence, ledger, facts, order. */
const read = script(`
local known = call('SISMEMBER', '${ordersKey}', arg[4])
return { call('GET', arg[1]) or '0', call('HGET', arg[2], 'state'), call('HVALS', arg[3]), known }`);

/** facts, field, fact. */
const record = script(`
if call('HEXISTS', arg[1], arg[2]) == 1 then return 0 end
wrote()
call('HSET', arg[1], arg[2], nextSeq() .. ' ' .. arg[3])
return 1`);

/** fence key, ledger, order, fence, state, then the words to do. */
const write = script(`
local order, fence = arg[3], tonumber(arg[4])
if fence < tonumber(call('GET', arg[1]) or 0) then return 0 end
wrote()
local before = {}
for word in string.gmatch(call('HGET', arg[2], 'todo') or '', '[^\\n]+') do before[word] = true end
local now = {}
for i = 6, #arg do
  now[arg[i]] = true
  if not before[arg[i]] then call('ZADD', 'sf:{todo}:' .. arg[i], nextSeq(), order) end
end
for word in pairs(before) do if not now[word] then call('ZREM', 'sf:{todo}:' .. word, order) end end
call('HSET', arg[2], 'fence', arg[4], 'state', arg[5], 'todo', table.concat(arg, '\\n', 6))
call('SADD', '${ordersKey}', order)
return 1`);

/** todo, limit. */
const withTodo = script(`return call('ZRANGE', arg[1], 0, arg[2] - 1)`);

const orderState = jsonText.pipe(z.looseObject({ format: z.number() })).transform((state) => state as OrderState);

const fact = z.object({
  intent: z.string(),
  kind: z.enum(['sent', 'not-sent', 'call-ended', 'order-seen']),
  whmcsOrderId: z.number().exactOptional(),
  at: z.number(),
  detail: z.string().exactOptional(),
});
/** Its place among the facts, then the fact. */
const factText = z.string().transform((text) => {
  const space = text.indexOf(' ');
  return { seq: Number(text.slice(0, space)), fact: fact.parse(JSON.parse(text.slice(space + 1))) };
});

const entry = z
  .tuple([z.coerce.number(), orderState.nullable(), z.array(factText), z.number()])
  .transform(([fence, state, facts, known]) => ({
    isKnown: known === 1,
    entry: { fence, state, facts: facts.sort((one, other) => one.seq - other.seq).map((row) => row.fact) },
  }));

export class RedisLedger implements Ledger {
  constructor(
    private readonly connection: Connection,
    /** Told of an order whose records were there once and are not. */
    private readonly missed: (orderId: string) => Promise<void>,
  ) {}

  async read(orderId: string): Promise<LedgerEntry> {
    const keys = [fenceKey(`order:${orderId}`), ledgerKey(orderId), factsKey(orderId)] as const;
    const found = entry.parse(await this.connection.run(read, ...keys, orderId));
    if (found.isKnown && found.entry.state === null) await this.missed(orderId);
    return found.entry;
  }

  async record(orderId: string, { intent, kind, whmcsOrderId, at, detail }: Fact): Promise<void> {
    const whole: Fact = {
      intent,
      kind,
      at: Math.round(at),
      ...(whmcsOrderId === undefined ? {} : { whmcsOrderId }),
      ...(detail === undefined ? {} : { detail }),
    };
    const field = JSON.stringify([intent, kind, whmcsOrderId ?? null]);
    await this.connection.runReplicated(record, factsKey(orderId), field, JSON.stringify(whole));
  }

  async write(orderId: string, fence: number, state: OrderState): Promise<'written' | 'fenced'> {
    const keys = [fenceKey(`order:${orderId}`), ledgerKey(orderId)] as const;
    const answer = await this.connection.runReplicated(
      write,
      ...keys,
      orderId,
      fence,
      JSON.stringify(state),
      ...todoOf(state),
    );
    return answer === 1 ? 'written' : 'fenced';
  }

  async withTodo(todo: string, limit: number): Promise<string[]> {
    return z.array(z.string()).parse(await this.connection.run(withTodo, todoKey(todo), limit));
  }
}

function todoOf(state: OrderState): string[] {
  const { todo } = state;
  return Array.isArray(todo) ? [...new Set(todo.filter((word) => typeof word === 'string'))] : [];
}
