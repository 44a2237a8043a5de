/** What each step did, as the timeline keeps it, the log prints it and the message carries it. */
import type { Clock } from '../clock';
import type { Log } from '../log';
import type { StateStore, TimelineEntry } from '../state/contract';
import type { Failure } from './failure';
import type { ProvisioningPart, StepRecord } from './message';
import { readRecord } from './order-record';
import type { StepName } from './step';

interface Place {
  store: StateStore;
  clock: Clock;
  log: Log;
  orderId: string;
  eventId: string;
}

/** One run of one step. Each call resolves once it is durable. */
export class Journal {
  private readonly from: number;
  private readonly startedAt: number;

  private constructor(
    private readonly place: Place,
    private readonly step: StepName,
  ) {
    this.from = place.clock.monotonic();
    this.startedAt = place.clock.now();
  }

  static async start(place: Place, step: StepName): Promise<Journal> {
    const journal = new Journal(place, step);
    await journal.append('started', '');
    return journal;
  }

  done(note: string): Promise<void> {
    return this.end('done', note);
  }

  parked(note: string): Promise<void> {
    return this.end('parked', note);
  }

  failed(failure: Failure): Promise<void> {
    return this.end('failed', `${failure.code}: ${failure.message}`);
  }

  private async end(status: TimelineEntry['status'], detail: string): Promise<void> {
    const attempt = await this.append(status, detail);
    const { orderId, eventId, log } = this.place;
    const facts = { order: orderId, event: eventId, outcome: status, ms: this.ms(), attempt, detail };
    if (status === 'failed') log.warn(this.step, facts);
    else log.info(this.step, facts);
  }

  private ms(): number {
    return Math.round(this.place.clock.monotonic() - this.from);
  }

  private async append(status: TimelineEntry['status'], detail: string): Promise<number> {
    const { store, orderId, eventId } = this.place;
    const { attempt } = readRecord((await store.ledger.read(orderId)).state);
    await store.timeline.append({
      orderId,
      eventId,
      attempt,
      step: this.step,
      status,
      startedAt: this.startedAt,
      ms: status === 'started' ? null : this.ms(),
      detail,
    });
    return attempt;
  }
}

/** `msg.provisioning`: the order's attempt and the last steps of its timeline, as they are on record now. */
export async function provisioningPart(store: StateStore, orderId: string, last = 20): Promise<ProvisioningPart> {
  const [entry, timeline] = [await store.ledger.read(orderId), await store.timeline.ofOrder(orderId)];
  return {
    attempt: readRecord(entry.state).attempt,
    steps: timeline.slice(-last).map((one): StepRecord => ({
      name: one.step as StepName,
      status: one.status,
      startedAt: new Date(one.startedAt).toISOString(),
      ms: one.ms,
      detail: one.detail,
    })),
  };
}
