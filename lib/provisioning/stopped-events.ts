/** Events that stopped on their way, or died with their processes, are ended (design: how an order ends, 5 and 6). */
import type { InboxEvent } from '../state/contract';
import type { EndingOf } from './endings';
import { failure } from './failure';
import type { HandOut } from './hand-out';
import type { Handout } from './handouts';
import type { FailurePart } from './message';
import { isUnreadable } from './order-record';
import type { Provisioning } from './provisioning';
import { failurePart } from './stored-failure';

export interface StoppedEventsOptions {
  provisioning: Provisioning;
  channel: string;
  /** Silence of our nodes after which an event counts as stopped, ms. */
  silenceMs: number;
}

const silenceAfterDeployMs = 30_000;
const fruitlessLimit = 3;

export class StoppedEvents {
  private deployedAt: number | null = null;

  constructor(
    private readonly options: StoppedEventsOptions,
    private readonly handOut: Pick<HandOut, 'again'>,
  ) {}

  /** The flows were deployed: messages may have been lost in nodes that did not stay. */
  deployed(): void {
    this.deployedAt = this.options.provisioning.clock.monotonic();
  }

  /** Events that died with their processes: told as failed, unless the ledger knows better. */
  async endDead(): Promise<void> {
    const { provisioning, channel } = this.options;
    for (const event of await provisioning.store.inbox.inState(channel, 'dead', 1_000))
      await endDeadEvent(provisioning, event);
  }

  async endSilent(): Promise<void> {
    const { provisioning, channel, silenceMs } = this.options;
    const now = provisioning.clock.monotonic();
    for (const handout of provisioning.handouts.inWork(channel)) {
      if (provisioning.handouts.running(handout.orderId).length > 0) continue;
      const silence = now - handout.lastSign;
      const lostInDeploy =
        this.deployedAt !== null && handout.lastSign < this.deployedAt && silence >= silenceAfterDeployMs;
      if (!lostInDeploy && silence < silenceMs) continue;
      const event = await provisioning.store.inbox.get(handout.eventId);
      // Others took it up while this process was paused, or it has ended: nothing of it is under way here.
      const isStale = event === null || event.end !== null || event.handout !== handout.handout;
      if (isStale) provisioning.handouts.end(handout.eventId, handout.handout);
      else if (await provisioning.endings.decide(event)) continue;
      else if (lostInDeploy && event.fruitless + 1 < fruitlessLimit) {
        provisioning.log.warn('The message was lost in a deploy; it is handed out again', {
          order: handout.orderId,
          event: event.id,
          lastNode: handout.lastNode,
        });
        await this.handOut.again(handout, 'silence');
      } else await this.timeOut(event, handout);
    }
  }

  private async timeOut(event: InboxEvent, handout: Handout): Promise<void> {
    const { provisioning } = this.options;
    const recorded = failurePart(event.failure)?.part;
    const where = handout.lastNode === null ? 'right after the platform event' : `after "${handout.lastNode}"`;
    const cause =
      recorded ??
      failure('FLOW_TIMEOUT', `The message stopped ${where}; no box of the flow ended the order`, 'event').part();
    provisioning.log.error(cause.message, { order: handout.orderId, event: event.id, code: cause.code });
    await fail(provisioning, handout, cause);
  }
}

/** An event that died with its processes: told as failed, unless the ledger knows better. One that has ended is left. */
export async function endDeadEvent(provisioning: Provisioning, event: InboxEvent): Promise<void> {
  if (event.end !== null || event.orderId === null) return;
  if (failurePart(event.failure)?.wish) {
    await provisioning.endings.decide(event);
    return;
  }
  const cause = failure(
    'EVENT_CRASHED',
    event.reason ?? 'Node-RED ended five times while it worked on this event',
    'event',
  );
  provisioning.log.error(cause.message, { order: event.orderId, event: event.id });
  await fail(provisioning, { eventId: event.id, handout: event.handout, orderId: event.orderId }, cause.part());
}

/** An order whose record cannot be read holds up no other. */
async function fail({ endings }: Provisioning, of: EndingOf, cause: FailurePart): Promise<void> {
  try {
    await endings.fail(of, cause);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    endings.leaveToPeople(of, error);
  }
}
