/**
 * Which store lies in this Redis, and whether it may have lost records. Looked at when the store is opened, over each new
 * connection, and by every script (script.ts).
 *
 * A server that was restarted or promoted has another `master_replid`. Only one case proves that nothing is missing: this
 * process alone had the store open, and the mark is not below the one that was confirmed to it last. Every other change is
 * doubted: records may be gone of which nobody here knows (exactly-one R2).
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../clock';
import { StoreError, type Doubt, type Sender } from '../contract';
import { endOf, trustedAfterMs } from '../doubt-end';
import { bootOf } from '../sender';
import type { Connection } from './connection';
import { instancesKey, ordersKey, storeKey } from './keys';
import { bare, connectionField, script } from './script';
import type { Server } from './server';

/** Of the keys; a newer one is refused, not guessed at. */
const format = 1;

/**
 * A doubt also bears the server's time at which it was noticed, and the boot id and the uptime (ms) of the host that did:
 * each process finds its age by them, and its end by its own clock. A user that may not ask for the time notes it all the
 * same: a script that stopped here, after its first writes, would not run into the loss again.
 */
const doubting = `
local function serverMs()
  local time = redis.pcall('TIME')
  return not time.err and time[1] * 1000 + math.floor(time[2] / 1000)
end
local function ms(number) return number and string.format('%.0f', number) end
local function note(reason, now, doubtId, boot, sinceBoot)
  redis.call('HSET', '${storeKey}', 'doubtReason', reason, 'doubtUntil', now, 'doubtId', doubtId, 'doubtBoot', boot,
    'doubtSinceBoot', sinceBoot, 'doubtTime', ms(serverMs()) or '')
end`;

/**
 * Arguments: id to use where there is none, bornAt with it, now, replid, known format, whether we had this store before,
 * the mark we saw, whether the server was promoted, our instance, the name of this connection, the highest fence we had, the
 * name of a doubt that is noticed now, our boot id, our uptime.
 */
const look = bare(`${doubting}
local call = redis.call
local store = '${storeKey}'
local id, bornAt, now, replid, format, had, seen, promoted, instance, connection, fenceHad, doubtId, boot, sinceBoot = unpack(ARGV)
local function doubt(reason)
  note(reason, now, doubtId, boot, sinceBoot)
  -- Fences that were handed out may be among what is lost: none is handed out twice.
  local fence = math.max(tonumber(call('HGET', store, 'fence') or 0), tonumber(fenceHad)) + 1000000
  call('HSET', store, 'fence', string.format('%.0f', math.max(fence, tonumber(now))))
end
local found = call('HGET', store, 'id')
if not found then
  call('HSET', store, 'id', id, 'bornAt', bornAt, 'format', format, 'mark', seen, 'fence', now, 'seq', now, 'replid', replid)
  doubt(had == '1' and 'the records of this store were removed from Redis' or 'new store')
elseif tonumber(call('HGET', store, 'format') or 0) > tonumber(format) then
  return { 'NEWER', call('HGET', store, 'format') }
elseif had == '1' and found ~= id then
  return { 'OTHER' }
else
  local mark = tonumber(call('HGET', store, 'mark') or -1)
  -- One that others have given up meanwhile does not know what they wrote, and cannot tell that it is missing.
  local alone = call('SCARD', '${instancesKey}') == 1 and call('SISMEMBER', '${instancesKey}', instance) == 1
  if had == '1' and mark < tonumber(seen) then
    doubt('Redis has lost records that it had confirmed')
    call('HSET', store, 'mark', seen)
  elseif call('HGET', store, 'replid') ~= replid then
    local whole = had == '1' and promoted == '0' and alone
    if not whole then
      doubt(promoted == '1' and 'a replica of Redis was promoted, or Redis was restarted from a snapshot'
        or 'Redis was restarted, or its data was replaced')
    end
  end
  call('HSET', store, 'replid', replid)
end
call('HSET', store, '${connectionField}' .. instance, connection)
return { 'OPEN', call('HGET', store, 'id'), call('HGET', store, 'bornAt') }`);

/**
 * boot id, uptime. Answers reason, end as it was written, name, the server's time at which it was noticed, age in ms. By the
 * uptime of the host that noticed it, where that asks: where the server's clock was slow then, that one's time is put right as
 * well. The lesser age of two: a container may count its own uptime, and that of an older one says too much.
 */
const readDoubt = script(`${doubting}
local doubt = call('HMGET', store, 'doubtReason', 'doubtUntil', 'doubtId', 'doubtTime', 'doubtBoot', 'doubtSinceBoot')
if not doubt[1] or not doubt[2] then return nil end
local noticed = tonumber(doubt[4] or '')
local now = noticed and serverMs()
local age = now and math.max(0, now - noticed)
local up = doubt[5] == arg[1] and tonumber(arg[2]) - tonumber(doubt[6])
if up and up >= 0 then
  if now and now - up > noticed + 1000 then
    noticed = now - up
    redis.pcall('HSET', store, 'doubtTime', ms(noticed))
  end
  age = math.min(up, age or up)
end
return { doubt[1], doubt[2], doubt[3], ms(noticed or 0), ms(age) or false }`);
/** reason and end, or ''. A person's word: its end stands as it is. */
const writeDoubt = script(`
wrote()
call('HDEL', store, 'doubtId', 'doubtTime', 'doubtBoot', 'doubtSinceBoot')
if text(1) then call('HSET', store, 'doubtReason', arg[1], 'doubtUntil', arg[2])
else call('HDEL', store, 'doubtReason', 'doubtUntil') end
return 1`);
/** The order had records once, and has none: told once, so that one loss is one doubt. order, reason, now, name, boot id, uptime. */
const missed = script(`${doubting}
if call('SREM', '${ordersKey}', arg[1]) == 0 then return 0 end
wrote()
note(arg[2], arg[3], arg[4], arg[5], arg[6])
return 1`);

const lookAnswer = z.union([
  z.tuple([z.literal('OPEN'), z.string(), z.coerce.number()]),
  z.tuple([z.literal('NEWER'), z.string()]),
  z.tuple([z.literal('OTHER')]),
]);
const doubtAnswer = z
  .tuple([z.string(), z.coerce.number(), z.string().nullable(), z.string(), z.coerce.number().nullable()])
  .transform(([reason, written, id, noticed, age]) => ({ reason, written, id, noticed, age }))
  .nullable();

export class StoreIdentity {
  private known: { id: string; bornAt: number } | null = null;
  /**
   * The doubt that was seen last: `Clock.sinceBoot` at which it was noticed, counted on from the first look, since the
   * server's clock may be set; and where the looks have put its end.
   */
  private seen: { doubt: string; noticed: string; at: number; end: number } | null = null;
  private lastId: string | null = null;

  /**
   * @param proposed eight hexadecimal digits, used where the Redis holds no store yet.
   * @param me this process, for the boot of its host.
   */
  constructor(
    private readonly proposed: string,
    private readonly clock: Clock,
    private readonly me: Pick<Sender, 'bootId'>,
  ) {}

  get id(): string {
    return this.known?.id ?? this.proposed;
  }

  get bornAt(): number {
    return this.known?.bornAt ?? 0;
  }

  /** @param now wall ms. @param fenceHad the highest that this process was given. @throws StoreError NEWER, or UNAVAILABLE when another store was put in the place of ours. */
  async look(connection: Connection, server: Server, now: number, fenceHad: number): Promise<void> {
    const had = this.known ? 1 : 0;
    const bornAt = this.known?.bornAt ?? now;
    const answer = lookAnswer.parse(
      await connection.bare(
        look,
        this.id,
        bornAt,
        now,
        server.replid,
        format,
        had,
        connection.mark,
        server.wasPromoted ? 1 : 0,
        connection.instance,
        connection.name,
        fenceHad,
        ...this.noticing(),
      ),
    );
    if (answer[0] === 'NEWER')
      throw new StoreError(
        'NEWER',
        `The store was written by a newer version of the pack (keys ${answer[1]}, this one knows ${format}); nothing was changed. Install that version again.`,
      );
    if (answer[0] === 'OTHER')
      throw new StoreError(
        'UNAVAILABLE',
        'Another store lies in this Redis now; this process writes nothing into it. Restart Node-RED to use it.',
      );
    this.known = { id: answer[1], bornAt: answer[2] };
  }

  async doubt(connection: Connection): Promise<Doubt | null> {
    const found = doubtAnswer.parse(await connection.run(readDoubt, ...this.here()));
    if (found === null) {
      this.lastId = null;
      return null;
    }
    const { reason, written, noticed, age } = found;
    // A version before that notices one anew leaves the name as it was.
    const id = found.id === null ? null : `${found.id}/${written}`;
    this.lastId = id;
    if (age === null) return { reason, until: written, id };
    const sinceBoot = this.clock.sinceBoot();
    const seen = this.seen?.doubt === `${written} ${reason}` ? this.seen : { doubt: `${written} ${reason}`, end: null };
    const at = 'noticed' in seen && seen.noticed === noticed ? seen.at : sinceBoot - age;
    const agedMs = sinceBoot - at;
    const now = this.clock.now();
    const of = { written, kept: seen.end, noticedAt: now - agedMs, isOld: agedMs >= trustedAfterMs };
    const until = endOf(of, now);
    this.seen = { ...seen, noticed, at, end: until };
    return { reason, until, id };
  }

  /** Of the doubt that was read last. */
  get doubtId(): string | null {
    return this.lastId;
  }

  async setDoubt(connection: Connection, doubt: Omit<Doubt, 'id'> | null): Promise<void> {
    await connection.runReplicated(writeDoubt, doubt?.reason ?? '', doubt?.until ?? '');
    this.lastId = null;
  }

  /** An order has no ledger. Where it had one, its keys were deleted, and absence proves nothing any more. */
  async missed(connection: Connection, orderId: string, now: number): Promise<void> {
    await connection.runReplicated(
      missed,
      orderId,
      'records of an order were removed from Redis',
      now,
      ...this.noticing(),
    );
  }

  /** Boot id and uptime of this host. Where the boot is named by the clock, setting that makes it another: the server's time holds then. */
  private here(): [string, number] {
    return [bootOf(this.me), Math.round(this.clock.sinceBoot())];
  }

  /** With the name of a doubt that is noticed now. */
  private noticing(): [string, string, number] {
    return [randomBytes(4).toString('hex'), ...this.here()];
  }
}
