/**
 * Leases end by themselves, by the clock of the Redis server. Fences come from one count of the whole store, so that they
 * grow also over keys that were deleted by hand.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Lease, Leases } from '../contract';
import type { Connection } from './connection';
import { fenceKey, lockKey } from './keys';
import { script } from './script';

/** lock, fence, token, ttl. Answers the fence, or who holds it. */
const acquire = script(`
if not call('SET', arg[1], arg[3], 'NX', 'PX', arg[4]) then return { 'held', call('GET', arg[1]) or '' } end
wrote()
local fence = call('HINCRBY', store, 'fence', 1)
call('SET', arg[2], fence)
return { 'ours', tostring(fence) }`);
/** lock, fence, token, our fence, ttl. One that has run out is renewed as long as nobody has taken it since. */
const renew = script(`
local holder = call('GET', arg[1])
if holder == arg[3] then return call('PEXPIRE', arg[1], arg[5]) end
if holder or call('GET', arg[2]) ~= arg[4] then return 0 end
call('SET', arg[1], arg[3], 'PX', arg[5])
return 1`);
/** lock, token. */
const release = script(`
if call('GET', arg[1]) ~= arg[2] then return 0 end
return call('DEL', arg[1])`);

const acquired = z.union([
  z.tuple([z.literal('ours'), z.coerce.number()]).transform(([, fence]) => ({ fence })),
  z.tuple([z.literal('held'), z.string()]).transform(([, by]) => ({ by })),
]);

export class RedisLeases implements Leases {
  private readonly held = new Map<string, Lease>();
  private highest = 0;

  constructor(
    private readonly connection: Connection,
    private readonly instance: string,
    /** Whether a process of this host, so named, is known to have ended. */
    private readonly hasEnded: (instance: string) => Promise<boolean>,
  ) {}

  async acquire(name: string, ttlMs: number): Promise<Lease | null> {
    const token = `${this.instance} ${randomUUID()}`;
    const ask = async () =>
      acquired.parse(await this.connection.run(acquire, lockKey(name), fenceKey(name), token, ttlMs));
    let answer = await ask();
    if ('by' in answer && (await this.freedOfTheDead(name, answer.by))) answer = await ask();
    if ('by' in answer) return null;
    const lease = { name, token, fence: answer.fence };
    this.held.set(token, lease);
    this.highest = Math.max(this.highest, lease.fence);
    return lease;
  }

  async renew(lease: Lease, ttlMs: number): Promise<boolean> {
    const { name, token, fence } = lease;
    const answer = await this.connection.run(renew, lockKey(name), fenceKey(name), token, fence, ttlMs);
    if (answer !== 1) this.held.delete(token);
    return answer === 1;
  }

  async release(lease: Lease): Promise<boolean> {
    this.held.delete(lease.token);
    return (await this.connection.run(release, lockKey(lease.name), lease.token)) === 1;
  }

  /** That this process was given. */
  get highestFence(): number {
    return this.highest;
  }

  /** Key and token in turn of what is held, for the close of the store. */
  locks(): string[] {
    return [...this.held.values()].flatMap(({ name, token }) => [lockKey(name), token]);
  }

  /** A holder that has died is not waited for; the lease only saves work. */
  private async freedOfTheDead(name: string, token: string): Promise<boolean> {
    const instance = token.slice(0, token.indexOf(' '));
    if (instance === '' || !(await this.hasEnded(instance))) return false;
    return (await this.connection.run(release, lockKey(name), token)) === 1;
  }
}
