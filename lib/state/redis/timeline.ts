import { z } from 'zod';
import type { Timeline, TimelineEntry } from '../contract';
import type { Connection } from './connection';
import { timelineKey, timelineOrdersKey } from './keys';
import { script } from './script';

/** The steps' key, field, status, entry, order, how many orders to keep. */
const append = script(`
local stands = call('HGET', arg[1], arg[2])
-- An outcome that is there already is not undone by its own *started*, told late.
if not stands or arg[3] ~= 'started' then
  local seq = stands and string.match(stands, '^%d+') or nextSeq()
  call('HSET', arg[1], arg[2], seq .. ' ' .. arg[4])
end
call('ZADD', '${timelineOrdersKey}', nextSeq(), arg[5])
local surplus = call('ZCARD', '${timelineOrdersKey}') - arg[6]
if surplus > 0 then
  for _, order in ipairs(call('ZRANGE', '${timelineOrdersKey}', 0, surplus - 1)) do
    call('DEL', '${timelineKey('')}' .. order)
    call('ZREM', '${timelineOrdersKey}', order)
  end
end
return 1`);
const ofOrder = script(`return call('HVALS', arg[1])`);

const entry = z.object({
  orderId: z.string(),
  eventId: z.string(),
  attempt: z.number(),
  step: z.string(),
  status: z.enum(['started', 'done', 'failed', 'skipped', 'parked']),
  startedAt: z.number(),
  ms: z.number().nullable(),
  detail: z.string(),
});
/** Its place among the steps, then the step. */
const rows = z.array(
  z.string().transform((text) => {
    const space = text.indexOf(' ');
    return { seq: Number(text.slice(0, space)), entry: entry.parse(JSON.parse(text.slice(space + 1))) };
  }),
);

export class RedisTimeline implements Timeline {
  /** @param keepOrders how many orders keep their steps; those that were touched longest ago are forgotten. */
  constructor(
    private readonly connection: Connection,
    private readonly keepOrders: number,
  ) {}

  async append({ orderId, eventId, attempt, step, status, startedAt, ms, detail }: TimelineEntry): Promise<void> {
    const whole: TimelineEntry = {
      orderId,
      eventId,
      attempt,
      step,
      status,
      startedAt: Math.round(startedAt),
      ms: ms === null ? null : Math.round(ms),
      detail,
    };
    const field = JSON.stringify([eventId, step, whole.startedAt]);
    const text = JSON.stringify(whole);
    await this.connection.run(append, timelineKey(orderId), field, status, text, orderId, this.keepOrders);
  }

  async ofOrder(orderId: string): Promise<TimelineEntry[]> {
    const found = rows.parse(await this.connection.run(ofOrder, timelineKey(orderId)));
    return found.sort((one, other) => one.seq - other.seq).map((row) => row.entry);
  }
}
