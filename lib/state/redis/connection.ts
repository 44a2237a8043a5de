/**
 * The one connection to Redis. Nothing is ever sent twice: a command whose answer is lost fails, its effect is unknown, and
 * the caller reads before it goes on (reference: ioredis by default repeats it). Nothing is sent over a connection before
 * it has been verified that the same records lie behind it.
 */
import { randomUUID } from 'node:crypto';
import Redis from 'ioredis';
import { StoreError } from '../contract';
import { answerMs, clientOptions, waitMs, type RedisConnection } from './client-options';
import { redisError } from './redis-errors';
import { expected, storeGone, type Argument, type Script } from './script';
import { readInfo, type Server } from './server';

/** The first connection stands within this time, or opening fails. */
const openMs = 2 * answerMs;
/** How long a write may wait for a replica's word. */
const replicaMs = 2_000;

export class Connection {
  private readonly redis: Redis;
  private verified = false;
  private verifying: Promise<void> | null = null;
  /** Nothing new is sent. */
  private closed = false;
  /** Of the last write that was confirmed to us; see `script`. */
  private markSeen = 0;
  private replicas = 0;
  private replid: string | null = null;
  private lastError: unknown = null;
  private current = randomUUID();
  private opened = false;
  private revival: NodeJS.Timeout | null = null;

  /**
   * @param instance of this process.
   * @param storeId read at each command, since opening finds it out.
   * @param verify called before the first command over each new connection; it uses `info` and `bare` alone.
   */
  constructor(
    options: RedisConnection,
    readonly instance: string,
    private readonly storeId: () => string,
    private readonly verify: () => Promise<void>,
  ) {
    this.redis = new Redis(clientOptions(options));
    quieten(this.redis);
    // Also keeps an error without a command from ending the process.
    this.redis.on('error', (error: unknown) => (this.lastError = error));
    this.redis.on('close', () => (this.verified = false));
    this.redis.on('end', () => this.revive());
    this.redis.on('ready', () => {
      this.lastError = null;
      this.current = randomUUID();
    });
  }

  /** The highest mark that was confirmed to this process. */
  get mark(): number {
    return this.markSeen;
  }

  /** Another one for each connection. */
  get name(): string {
    return this.current;
  }

  /** @throws StoreError saying why the server cannot be reached; it is not tried again. */
  async open(): Promise<void> {
    let limit: NodeJS.Timeout | undefined;
    const given = new Promise<never>((_, reject) => {
      limit = setTimeout(() => reject(new Error('Command timed out')), openMs);
      // Sentinels are asked again and again, without an end.
      this.redis.once('error', reject);
    });
    try {
      await Promise.race([this.redis.connect(), given]);
    } catch (error) {
      this.end();
      // Where the first connection is closed the client says only that; the cause came as an event before.
      throw redisError(this.lastError ?? error);
    } finally {
      clearTimeout(limit);
    }
    this.opened = true;
    await this.assureVerified();
  }

  /** @returns what the script's body returned. @throws StoreError; the effect is unknown then. */
  async run(script: Script, ...args: Argument[]): Promise<unknown> {
    return this.runOnce(script, args);
  }

  /** As `run`, and from now on nothing else is sent; what was sent before comes first. */
  async runLast(script: Script, ...args: Argument[]): Promise<void> {
    this.closed = true;
    await this.runOnce(script, args, { last: true });
  }

  /**
   * As `run`, for what a later step rests on: where the server has replicas, one of them has it before this resolves.
   * @throws StoreError also when none confirms: count it as not written (exactly-one R2).
   */
  async runReplicated(script: Script, ...args: Argument[]): Promise<unknown> {
    return this.runOnce(script, args, { replicated: true });
  }

  /** A script that does not look at the store; only for what opens and verifies it. */
  async bare(script: Script, ...args: Argument[]): Promise<unknown> {
    return this.evaluate(script, args).catch((error: unknown) => {
      throw redisError(error);
    });
  }

  /** @throws StoreError */
  async info(): Promise<Server> {
    try {
      const server = readInfo(await this.redis.info());
      this.replicas = server.replicas;
      // Its data may have been replaced behind a connection that still stands.
      if (!server.isMaster || server.replid !== this.replid) this.verified = false;
      this.replid = server.replid;
      return server;
    } catch (error) {
      throw redisError(error);
    }
  }

  /** No socket and no timer is left; what was under way fails. Idempotent. */
  end(): void {
    this.closed = true;
    if (this.revival) clearTimeout(this.revival);
    this.redis.disconnect();
  }

  /** The client gives up for good when sentinels tell of a failover while it asks them for the master (ioredis 6.0). */
  private revive(): void {
    if (this.closed || !this.opened) return;
    this.revival = setTimeout(() => void this.redis.connect().catch(() => undefined), waitMs(0));
  }

  private async runOnce(script: Script, args: Argument[], how: How = {}): Promise<unknown> {
    assureWhole(args);
    for (let again = false; ; again = true) {
      await this.assureVerified(how.last);
      try {
        const { instance, markSeen, current } = this;
        const before = expected({ storeId: this.storeId(), instance, connection: current, mark: markSeen });
        const { mark, value } = await this.send(script, [...before, ...args], how.replicated ?? false);
        this.markSeen = Math.max(this.markSeen, mark);
        return value;
      } catch (error) {
        // The script has done nothing: who it is that lies there is looked at anew, once.
        if (isGone(error)) this.verified = false;
        if (isGone(error) && !again) continue;
        throw redisError(error);
      }
    }
  }

  private async send(script: Script, args: Argument[], replicated: boolean): Promise<{ mark: number; value: unknown }> {
    const answer = await this.evaluate(script, args);
    // Behind it, so that it waits for this write and all before it, also where this one found all written already.
    if (replicated && this.replicas > 0 && (await this.redis.wait(1, replicaMs)) === 0) {
      void this.info().catch(() => undefined);
      throw new StoreError('UNAVAILABLE', 'No replica of Redis has confirmed the write; it counts as not written.');
    }
    if (!Array.isArray(answer)) throw new StoreError('UNAVAILABLE', 'Redis gave an answer that no script gives.');
    const [mark, value] = answer as unknown[];
    return { mark: Number(mark), value: value ?? null };
  }

  private async evaluate(script: Script, args: Argument[]): Promise<unknown> {
    try {
      return await this.redis.evalsha(script.sha, 0, ...args);
    } catch (error) {
      // Only this answer tells that nothing was run.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.redis.eval(script.lua, 0, ...args);
    }
  }

  /** @param last also after nothing else may be sent. */
  private async assureVerified(last = false): Promise<void> {
    const closed = (): boolean => this.closed && !last;
    while (!this.verified) {
      if (closed()) throw new StoreError('UNAVAILABLE', 'The store is closed.');
      if (this.redis.status !== 'ready') throw redisError(this.lastError ?? new Error('Connection is closed.'));
      this.verifying ??= this.verifyOnce().finally(() => (this.verifying = null));
      await this.verifying;
    }
    if (closed()) throw new StoreError('UNAVAILABLE', 'The store is closed.');
  }

  private async verifyOnce(): Promise<void> {
    let lost = false;
    const onClose = (): void => void (lost = true);
    this.redis.once('close', onClose);
    try {
      await this.verify();
      // Another connection may stand by now, which nobody has looked through.
      this.verified = !lost;
    } catch (error) {
      // The name may lead to another server by now: it is asked for anew.
      if (error instanceof StoreError && error.code === 'READ_ONLY' && !this.closed) {
        this.lastError = error;
        this.redis.disconnect(true);
      }
      throw error;
    } finally {
      this.redis.off('close', onClose);
    }
  }
}

/** The client's own connections to sentinels print their errors, with the host, as long as nobody listens. */
function quieten(redis: Redis): void {
  const connector = Reflect.get(redis, 'connector') as { connectToSentinel?: (...given: unknown[]) => Redis };
  const connect = connector.connectToSentinel?.bind(connector);
  if (connect) connector.connectToSentinel = (...given) => connect(...given).on('error', () => undefined);
}

interface How {
  /** A replica's word is waited for. */
  replicated?: boolean;
  /** Although the connection is closed to others. */
  last?: boolean;
}

/** @throws StoreError INVALID. A script that fails midway leaves half of it done. */
function assureWhole(args: readonly Argument[]): void {
  const odd = args.find((arg) => typeof arg === 'number' && !Number.isSafeInteger(arg));
  if (odd !== undefined) throw new StoreError('INVALID', `${odd} is no whole number that the store can keep.`);
}

const isGone = (error: unknown): boolean => error instanceof Error && error.message.startsWith(storeGone);
