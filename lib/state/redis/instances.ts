/**
 * The processes that have the store open, and which of them have ended. One of this host is looked up; one of another host
 * has ended when it has been silent for long, counted by our own clock from our own looks: no clocks of two hosts are
 * compared, and a time in which we could not look does not count (exactly-one R1).
 */
import { z } from 'zod';
import type { Clock } from '../../clock';
import type { Sender } from '../contract';
import { isRunning, sharesProcessIds } from '../sender';
import type { Connection } from './connection';
import { instanceKey, instancesKey } from './keys';
import { hash, numberText } from './rows';
import { script } from './script';

/** Each instance gives a sign of life so often. */
export const beatMs = 10_000;
/** Silence after which another may go on with the events: work is only repeated, the intents guard the money. */
const workFreeMs = 3 * beatMs;
/** Silence after which an instance of another host can send no more; a limit that is documented. */
export const assumeDeadAfterMs = 600_000;
/** The record of one that is gone is kept as long as an intent of its may be open. */
const keepSeconds = 30 * 24 * 3600;

const beat = script(`
call('SADD', '${instancesKey}', arg[1])
call('HSET', arg[2], 'bootId', arg[3], 'pid', arg[4], 'startTime', arg[5])
call('HINCRBY', arg[2], 'beats', 1)
call('EXPIRE', arg[2], ${keepSeconds})
local others = {}
for _, instance in ipairs(call('SMEMBERS', '${instancesKey}')) do
  if instance ~= arg[1] then others[#others + 1] = { instance, call('HGETALL', '${instanceKey('')}' .. instance) } end
end
return others`);
const read = script(`return call('HGETALL', arg[1])`);

const recordRow = hash.pipe(
  z
    .object({
      bootId: z.string(),
      pid: numberText,
      startTime: z.string(),
      beats: numberText,
    })
    .nullable()
    // One that nobody can read says nothing of its instance.
    .catch(null),
);
const othersRows = z.array(z.tuple([z.string(), recordRow]));

interface Seen {
  /** -1: it has no record. */
  beats: number;
  /** Our monotonic ms. */
  since: number;
}

export class Instances {
  private readonly seen = new Map<string, Seen>();
  /** Our monotonic ms at our own last beat. */
  private beatAt = -Infinity;

  constructor(
    private readonly connection: Connection,
    private readonly me: Sender,
    private readonly clock: Clock,
    private readonly deadAfterMs: number,
  ) {}

  /** A sign of life. @returns the instances whose events others may go on with. */
  async beat(): Promise<string[]> {
    const { instance, bootId, pid, startTime } = this.me;
    const key = instanceKey(instance);
    this.noteOwnPause();
    const others = othersRows.parse(await this.connection.run(beat, instance, key, bootId, pid, startTime));
    this.beatAt = this.clock.monotonic();
    const silent: string[] = [];
    for (const [other, record] of others) {
      const silentMs = this.note(other, record?.beats ?? -1);
      const runs = record !== null && sharesProcessIds(record, this.me) ? isRunning(record) : null;
      if (runs === false || silentMs >= workFreeMs) silent.push(other);
    }
    return silent;
  }

  /** Whether this sender can never send again. */
  async isDead(sender: Sender): Promise<boolean> {
    if (sender.instance === this.me.instance) return false;
    if (sharesProcessIds(sender, this.me)) {
      const runs = isRunning(sender);
      if (runs !== null) return !runs;
    }
    this.noteOwnPause();
    const record = recordRow.parse(await this.connection.run(read, instanceKey(sender.instance)));
    return this.note(sender.instance, record?.beats ?? -1) >= this.deadAfterMs;
  }

  /** Whether this process of our own host is known to have ended. */
  async hasEnded(instance: string): Promise<boolean> {
    if (instance === this.me.instance) return false;
    const record = recordRow.parse(await this.connection.run(read, instanceKey(instance)));
    return record !== null && sharesProcessIds(record, this.me) && isRunning(record) === false;
  }

  /** We could not look for a while: silence counts from now. */
  lookAnew(): void {
    this.seen.clear();
  }

  /** We did not look for a while, being stopped ourselves: others may have been stopped with us. */
  private noteOwnPause(): void {
    if (this.clock.monotonic() - this.beatAt >= workFreeMs) this.lookAnew();
  }

  /** @returns ms for which the beats have stood still before our eyes. */
  private note(instance: string, beats: number): number {
    const now = this.clock.monotonic();
    const seen = this.seen.get(instance);
    if (seen?.beats === beats) return now - seen.since;
    this.seen.set(instance, { beats, since: now });
    return 0;
  }
}
