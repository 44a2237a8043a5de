/** The reference flow without Node-RED: the same steps in the same order, each journaled as the nodes' wrapper does it. */
import { failure, toFailure } from '../../lib/provisioning/failure';
import { LeaseLost } from '../../lib/provisioning/held-order';
import type { Handout } from '../../lib/provisioning/handouts';
import { eventPart, type Intake } from '../../lib/provisioning/intake';
import { Journal } from '../../lib/provisioning/journal';
import type { Message, Travelling } from '../../lib/provisioning/message';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import type { EndContext, Step, StepOutcome } from '../../lib/provisioning/step';
import { isStoreAway, waitInstead } from '../../lib/provisioning/waiting';
import type { InboxEvent } from '../../lib/state/contract';

type Key = keyof Travelling;
interface AnyStep {
  name: Step<Key, Key>['name'];
  adds: Key;
  ends?: true;
  run(input: never, context: EndContext): Promise<StepOutcome<Travelling[Key], string>>;
}

export interface FlowSteps {
  /** Up to the end; a way that is not named here leads to `end`. */
  steps: readonly AnyStep[];
  /** Ways that go on to the next step. */
  onward: readonly string[];
  end: AnyStep;
}

const busyMs = 2_000;

export class WorkerFlow {
  intake: Intake | null = null;

  constructor(
    private readonly provisioning: Provisioning,
    private readonly flow: FlowSteps,
  ) {}

  /** Takes an event through the flow. Never rejects. */
  async run(event: InboxEvent): Promise<void> {
    const handout = this.provisioning.handouts.of(event.id);
    if (!handout) return;
    const message: Message = { event: eventPart(event) };
    try {
      for (const step of this.flow.steps) {
        const went = await this.pass(step, handout, message);
        if (went === 'stopped') return;
        if (!this.flow.onward.includes(went)) break;
      }
      await this.pass(this.flow.end, handout, message);
    } catch (error) {
      // What is lost here is handed out again as soon as the store answers.
      if (isStoreAway(error)) this.provisioning.handouts.lose(event.id, event.handout);
      this.provisioning.log.error('The flow broke off', { order: handout.orderId, error: String(error) });
    }
  }

  /** @returns the way that the message goes on. */
  private async pass(step: AnyStep, handout: Handout, message: Message): Promise<string> {
    const { provisioning } = this;
    const { handouts, store, clock, log } = provisioning;
    const { orderId, eventId } = handout;
    if (!handouts.isCurrent(eventId, handout.handout)) return 'stopped';
    const visit = handouts.enter(handout, step.name);
    try {
      const journal = await Journal.start({ store, clock, log, orderId, eventId }, step.name);
      try {
        const context: EndContext = {
          orderId,
          eventId,
          handout: handout.handout,
          clock,
          log,
          signal: new AbortController().signal,
          desk: provisioning,
          endings: provisioning.endings,
          writer: provisioning.writer,
          salesforce: provisioning.writer.target,
          visit,
        };
        const outcome = await step.run(message as never, context);
        if ('parked' in outcome) {
          await journal.parked(outcome.note);
          await provisioning.park(visit, outcome.parked);
          return 'stopped';
        }
        await journal.done(outcome.note);
        if ('dropped' in outcome) return 'stopped';
        const event = await store.inbox.get(eventId);
        const ended = !step.ends && (event === null || (await provisioning.endings.decide(event, visit)));
        if (outcome.value !== undefined) Object.assign(message, { [step.adds]: outcome.value });
        if (outcome.skipped) message.skipped = outcome.skipped;
        if (outcome.failure) message.failure = outcome.failure;
        return ended ? 'stopped' : outcome.way;
      } catch (thrown) {
        if (isStoreAway(thrown)) throw thrown;
        const found = toFailure(thrown, step.name);
        const wait =
          thrown instanceof LeaseLost
            ? { ms: busyMs, holdsAll: null, cause: found, toldOnOrder: false }
            : waitInstead(thrown, found);
        if (wait) {
          const { ms, cause, holdsAll, toldOnOrder } = wait;
          if (holdsAll) this.intake?.holdFor(cause, ms, holdsAll.longestMs);
          if (toldOnOrder) provisioning.writer.notes.isHeld(handout.orderId, cause);
          const text = `${cause.code}: ${cause.message}`;
          await journal.parked(text);
          await provisioning.park(visit, { until: clock.now() + ms, reason: text });
          return 'stopped';
        }
        await journal.failed(found);
        message.failure = found.part();
        await store.inbox.recordFailure(eventId, handout.handout, { ...found.part() });
        if (step.ends) throw failure('FLOW_ERROR', `the end itself failed: ${found.message}`, 'event');
        return 'failed';
      }
    } finally {
      visit.leave();
    }
  }
}
