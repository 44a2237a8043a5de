/**
 * The shared store: one Redis server, open in any number of processes at a time.
 *
 * The inbox is our own and no queue library's. What the contract asks of it (one event an order at a time, hand-outs that
 * make older ones stale, an event that keeps its place while it is parked, ends of which the first stands, process deaths
 * told from deploys) would need a record of our own beside each job of a library, and two records that a crash can part.
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../clock';
import type { Doubt, Sender, StateStore, StoreHealth } from '../contract';
import { crashLimit } from '../event-id';
import { thisProcess } from '../sender';
import { RedisClaims, RedisOpenIntents } from './claims';
import type { RedisConnection } from './client-options';
import { Connection } from './connection';
import { RedisCursor } from './cursor';
import { RedisIdMappings } from './id-mappings';
import { StoreIdentity } from './identity';
import { RedisInbox } from './inbox';
import { handBack, leave, takeUpDeadWork } from './inbox-lua';
import { assumeDeadAfterMs, beatMs, Instances } from './instances';
import { RedisLeases } from './leases';
import { RedisLedger } from './ledger';
import { redisError } from './redis-errors';
import { refuseUnfit, warningsOf, type Server } from './server';
import { RedisTimeline } from './timeline';

export interface RedisStoreOptions {
  connection: RedisConnection;
  clock: Clock;
  /** Made anew by each process; see `Sender`. */
  instance: string;
  /** How many orders keep their timeline. Default 5,000. */
  keepOrders?: number;
  /** Silence after which a process of another host can send no more. Default ten minutes. */
  assumeDeadAfterMs?: number;
}

/**
 * Opens the store in a Redis database, makes it when there is none.
 * @throws StoreError; its message says what to do and names no host and no password.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<StateStore> {
  const store = new RedisStore(options);
  try {
    await store.open();
    return store;
  } catch (error) {
    store.letGo();
    throw redisError(error);
  }
}

class RedisStore implements StateStore {
  readonly engine = 'redis';
  readonly cursor: RedisCursor;
  readonly inbox: RedisInbox;
  readonly ledger: RedisLedger;
  readonly claims: RedisClaims;
  readonly openIntents: RedisOpenIntents;
  readonly leases: RedisLeases;
  readonly idMappings: RedisIdMappings;
  readonly timeline: RedisTimeline;
  private readonly identity: StoreIdentity;
  private readonly connection: Connection;
  private readonly instances: Instances;
  private readonly me: Sender;
  private readonly clock: Clock;
  private timer: Timer | null = null;
  private closing: Promise<void> | null = null;

  constructor(options: RedisStoreOptions) {
    const { clock, instance, keepOrders = 5_000 } = options;
    this.clock = clock;
    this.me = thisProcess(instance);
    this.identity = new StoreIdentity(randomBytes(4).toString('hex'), clock, this.me);
    const connection = new Connection(
      options.connection,
      instance,
      () => this.identity.id,
      () => this.look(),
    );
    this.connection = connection;
    this.instances = new Instances(connection, this.me, clock, options.assumeDeadAfterMs ?? assumeDeadAfterMs);
    this.cursor = new RedisCursor(connection);
    this.inbox = new RedisInbox(connection, clock, instance);
    this.ledger = new RedisLedger(connection, (orderId) => this.identity.missed(connection, orderId, this.now()));
    this.claims = new RedisClaims(connection);
    this.openIntents = new RedisOpenIntents(connection);
    this.leases = new RedisLeases(connection, instance, (other) => this.instances.hasEnded(other));
    this.idMappings = new RedisIdMappings(connection);
    this.timeline = new RedisTimeline(connection, keepOrders);
  }

  get id(): string {
    return this.identity.id;
  }

  get bornAt(): number {
    return this.identity.bornAt;
  }

  async open(): Promise<void> {
    await this.connection.open();
    // Left by a close that could not write.
    await this.connection.run(handBack, this.me.instance);
    await this.beat();
    this.tick();
  }

  doubt(): Promise<Doubt | null> {
    return this.identity.doubt(this.connection);
  }

  get doubtId(): string | null {
    return this.identity.doubtId;
  }

  setDoubt(doubt: Omit<Doubt, 'id'> | null): Promise<void> {
    return this.identity.setDoubt(this.connection, doubt);
  }

  isDead(sender: Sender): Promise<boolean> {
    return this.instances.isDead(sender);
  }

  async health(): Promise<StoreHealth> {
    const from = this.clock.monotonic();
    const latencyMs = (): number => this.clock.monotonic() - from;
    try {
      // A write first: a server that is full, or cannot save, still answers reads.
      await this.beat();
      const took = latencyMs();
      const server = await this.connection.info();
      return { ...judged(server), latencyMs: took };
    } catch (error) {
      return { ok: false, detail: redisError(error).message, latencyMs: latencyMs() };
    }
  }

  close(): Promise<void> {
    return (this.closing ??= this.leave());
  }

  /** No socket and no timer is left. */
  letGo(): void {
    this.timer?.cancel();
    this.connection.end();
  }

  private async leave(): Promise<void> {
    this.timer?.cancel();
    try {
      // In one step, after which nothing is sent: what was taken behind it would be in work with nobody.
      await this.connection.runLast(leave, this.me.instance, ...this.leases.locks());
    } catch {
      // What could not be written now looks like a crash to the other instances, and is handled as one.
    } finally {
      this.letGo();
    }
  }

  /** Before the first command over each connection, and when a script finds that the keys are not ours. */
  private async look(): Promise<void> {
    const server = await this.connection.info();
    refuseUnfit(server);
    await this.identity.look(this.connection, server, this.now(), this.leases.highestFence);
    this.instances.lookAnew();
  }

  private tick(): void {
    this.timer = this.clock.after(beatMs, () => {
      // `health` says what is wrong; a beat that is missing only lets others take up our events.
      void this.beat()
        .catch(() => undefined)
        .finally(() => {
          if (this.closing === null) this.tick();
        });
    });
  }

  private async beat(): Promise<void> {
    for (const instance of await this.instances.beat()) await this.connection.run(takeUpDeadWork, instance, crashLimit);
    // Replicas come and go.
    await this.connection.info();
    // The host that noticed a doubt knows best how old it is, and puts the time of Redis right for the others.
    await this.doubt();
  }

  private now(): number {
    return Math.round(this.clock.now());
  }
}

function judged(server: Server): Pick<StoreHealth, 'ok' | 'detail' | 'warnings'> {
  const warnings = warningsOf(server);
  const detail = `redis ${server.version}, ${server.hasAof ? 'append-only file' : 'no append-only file'}, ${server.replicas} replicas`;
  if (!server.isMaster) return { ok: false, detail: 'This Redis is a replica and takes no writes', warnings };
  if (server.evictionPolicy === 'noeviction' && server.memoryLimit > 0 && server.memoryUsed >= server.memoryLimit)
    return { ok: false, detail: 'Redis is full; give it more memory (maxmemory)', warnings };
  if (!server.aofWritten)
    return { ok: false, detail: 'Redis cannot write its append-only file; look at its disk', warnings };
  return { ok: true, detail, warnings };
}
