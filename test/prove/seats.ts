/** The workers of one seed: started, started late, stopped and let go on, and started anew when they have died. */
import { join } from 'node:path';
import type { Said, Told } from './orders-to-worker';
import type { Place } from './engines';
import type { Plan, Seat } from './rows';
import type { RunOptions } from './run-seed';
import type { Vendors } from './vendors';
import { WorkerProcess } from './worker-process';

/** Ten minutes of silence; for AddOrder the quarantine besides, but an AcceptOrder is given up with the first. */
const deadAndQuarantineMs = 600_000;
const mostLives = 8;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Seated {
  seat: Seat;
  at: number;
  life: number;
  worker: WorkerProcess | null;
}

export interface SeatsParts {
  plan: Plan;
  vendors: Vendors;
  options: RunOptions;
  directory: string;
  places: readonly Place[];
  log: (line: string) => void;
  /** What a worker did to itself, or the store did. */
  note: (deed: string) => void;
  trouble: (what: string) => void;
  /** What a worker's boundary sets off. */
  act: (what: string) => Promise<void>;
  putBack: () => Promise<void>;
}

export class Seats {
  /** Workers that stand still, and that are about to start. */
  stopped = 0;
  starting = 0;
  /** Virtual wall ms at which the last one began to take work. */
  lastStart = 0;
  /** One stood still for longer than it may, just before its first byte. */
  pausedSender = false;
  private readonly seated: Seated[];
  private readonly timers = new Set<NodeJS.Timeout>();
  private began = false;
  private closed = false;

  constructor(private readonly parts: SeatsParts) {
    this.seated = parts.plan.seats.map((seat, at) => ({ seat, at, life: 0, worker: null }));
  }

  /** Those that are there from the beginning. */
  async startFirst(): Promise<void> {
    await Promise.all(
      this.seated.map((seated) => (seated.seat.startMs === null ? this.start(seated) : Promise.resolve())),
    );
  }

  /** From now on boundaries count. */
  begin(): void {
    this.began = true;
    for (const { worker } of this.seated) worker?.tell({ do: 'count' });
  }

  startLate(): void {
    for (const seated of this.seated) {
      const { startMs } = seated.seat;
      if (startMs === null) continue;
      this.starting += 1;
      this.later(startMs, async () => {
        await this.start(seated);
        this.starting -= 1;
      });
    }
  }

  /** Tells the first worker, if it lives. */
  tell(line: Told): void {
    this.seated[0]?.worker?.tell(line);
  }

  async untilRest(limit: number, pollMs: number): Promise<void> {
    while (this.parts.vendors.now() < limit && !(await this.rest())) await pause(pollMs);
  }

  /** Nothing is left for any of them to do. */
  async rest(): Promise<boolean> {
    const whys = await Promise.all(
      this.seated.map(({ worker }) => worker?.rests(2_000) ?? Promise.resolve('it is not there')),
    );
    return whys.every((why) => why === '');
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all(this.seated.map(({ worker }) => worker?.kill() ?? Promise.resolve()));
  }

  private async start(seated: Seated): Promise<void> {
    const { seat, at, life } = seated;
    const place = this.parts.places[seat.place];
    if (this.closed || !place) return;
    this.starting += 1;
    const name = `w${at}-${life}`;
    const worker = new WorkerProcess(
      this.parts.options.bundle,
      this.parts.options.nodePath,
      join(this.parts.directory, `${name}.json`),
      {
        pace: this.parts.vendors.pace,
        instance: `${name}-${this.parts.plan.seed}`,
        host: seat.host,
        place: place.of,
        ...this.parts.vendors.addresses,
        resend: this.parts.plan.resend,
        marker: this.parts.plan.marker,
        tooth: this.parts.options.tooth,
        orders: seat.lives[life] ?? [],
        counts: this.began,
      },
      (line, from) => this.heard(name, line, from),
      (from, code) => this.ended(seated, from, code),
    );
    seated.worker = worker;
    // One that waits for another's store is ready only when that has gone.
    const waits = at > 0 && this.parts.options.engine === 'sqlite' && seat.place === 0;
    await (waits ? pause(50) : worker.ready);
    this.starting -= 1;
    // A process starts by the machine's clock: on a busy one that alone takes a good part of a virtual hour.
    this.lastStart = this.parts.vendors.now();
    // Others may have begun meanwhile.
    if (this.began) worker.tell({ do: 'count' });
  }

  private ended(seated: Seated, worker: WorkerProcess, code: number | null): void {
    if (this.closed || seated.worker !== worker) return;
    if (code !== null) this.parts.trouble(`a worker ended with ${code}: ${worker.errors.slice(-16).join(' | ')}`);
    seated.life += 1;
    if (seated.life > mostLives) return void this.parts.trouble('a worker dies again and again');
    this.starting += 1;
    this.later(seated.seat.restartMs, async () => {
      if (seated.life === 1) await this.between(seated.seat);
      await this.start(seated);
      this.starting -= 1;
    });
  }

  /** What becomes of a place while none of its workers lives. */
  private async between({ between, place }: Seat): Promise<void> {
    if (between === 'nothing') return;
    this.parts.note(`the store ${between}`);
    if (between === 'loses all') await this.parts.places[place]?.lose();
    else await this.parts.putBack();
  }

  private heard(name: string, line: Said, worker: WorkerProcess): void {
    if (this.closed) return;
    switch (line.is) {
      case 'log':
        return void this.parts.log(`${name} ${line.level} ${line.text}`);
      case 'deed': {
        const { deed, at } = line;
        this.parts.note(`${name} ${deed.kind === 'stop' ? `stopped for ${deed.ms / 1_000} s` : 'killed'} at ${at}`);
        if (deed.kind !== 'stop') return;
        const others = new Set(this.parts.plan.seats.map(({ host }) => host)).size > 1;
        if (others && deed.ms > deadAndQuarantineMs && at.endsWith(':sending')) this.pausedSender = true;
        this.stopped += 1;
        return this.later(deed.ms, async () => {
          await worker.goOn();
          this.stopped -= 1;
        });
      }
      case 'asks': {
        this.parts.note(`${name} at ${line.at}: ${line.what}`);
        return void this.parts
          .act(line.what)
          .catch((error: unknown) => this.parts.trouble(`${line.what}: ${String(error)}`))
          .then(() => worker.tell({ do: 'go on', id: line.id }));
      }
      default:
        return;
    }
  }

  private later(ms: number, run: () => void | Promise<void>): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (this.closed) return;
      void Promise.resolve(run()).catch((error: unknown) => this.parts.trouble(String(error)));
    }, ms / this.parts.vendors.pace.rate);
    this.timers.add(timer);
  }
}
