/**
 * What a node does with a failure: it is on record before `done(err)`, and where no Catch leads to an end Salesforce is told
 * at once.
 */
import type { Node, NodeStatus } from 'node-red';
import type { Log } from '../../lib/log';
import { failure, toFailure, type Failure } from '../../lib/provisioning/failure';
import type { Handout, Visit } from '../../lib/provisioning/handouts';
import { provisioningPart } from '../../lib/provisioning/journal';
import type { Message } from '../../lib/provisioning/message';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import type { StepName } from '../../lib/provisioning/step';
import { forCatch, fromCatch, isCaught } from './caught';
import type { Done } from './input';
import { currentCheck, flowIdOf, handoutOf, intakesOf } from './registry';

/** The node that has failed, as the editor and the log know it. */
export interface FailingNode {
  node: Node;
  log: Log;
  show: (status: NodeStatus) => void;
  /** The step that it runs; null while it lacks something. */
  step: { name: StepName; ends?: boolean } | null;
}

export class StepFailures {
  constructor(private readonly of: FailingNode) {}

  /** What no step threw: the store cannot be read or written. */
  broken(thrown: unknown, message: Message, done: Done): void {
    const found = toFailure(thrown, this.of.step?.name ?? 'event');
    message.failure = found.part();
    this.of.show({ fill: 'red', shape: 'dot', text: found.code });
    done(forCatch(found));
  }

  /** @param visit of the message that has failed; null where it was not taken up. */
  async fail(
    provisioning: Provisioning,
    handout: Handout,
    visit: Visit | null,
    found: Failure,
    message: Message,
    done: Done,
  ): Promise<void> {
    message.failure = found.part();
    this.of.show({ fill: 'red', shape: 'dot', text: found.code });
    try {
      await provisioning.store.inbox.recordFailure(handout.eventId, handout.handout, { ...found.part() });
      message.provisioning = await provisioningPart(provisioning.store, handout.orderId);
      await this.tellUncaught(provisioning, handout, visit, found);
    } catch (error) {
      this.of.log.error('A failure could not be put on record', {
        order: handout.orderId,
        event: handout.eventId,
        code: found.code,
        error: String(error),
      });
    }
    done(forCatch(found));
  }

  private async tellUncaught(
    provisioning: Provisioning,
    handout: Handout,
    visit: Visit | null,
    found: Failure,
  ): Promise<void> {
    if (currentCheck().failureEnds(flowIdOf(this.of.node))) return;
    const { orderId: order, eventId: event } = handout;
    this.of.log.error(`${found.code}: ${found.message}`, { order, event, fix: found.fix });
    const alarmOnly = intakesOf(provisioning).some((intake) => intake.options.uncaught === 'alarm');
    if (!alarmOnly) await provisioning.endings.fail(handout, found.part(), visit ? { exceptVisit: visit } : {});
  }

  /** A node before this one made a new message. Its order is found by the message's id, which most nodes keep, and fails at once. */
  async withoutEvent(message: Message, done: Done): Promise<void> {
    const cause = failure(
      'EVENT_MISSING',
      'The message has no msg.event: a node before this one sent a new message',
      this.of.step?.name ?? 'event',
    );
    this.of.show({ fill: 'red', shape: 'dot', text: cause.code });
    const found = message._msgid === undefined ? null : handoutOf({ messageId: message._msgid });
    const facts = { order: found?.handout.orderId, event: found?.handout.eventId, fix: cause.fix };
    if (this.of.step?.ends && isCaught(message)) {
      // An error of its own would come back by the same Catch, ten times over.
      fromCatch(message);
      const told = message.failure ?? cause.part();
      // Nobody else says it: Node-RED logs no error that a Catch has taken.
      const text = `A Catch brought a message that has no event: ${told.code}: ${told.message}`;
      this.of.log.warn(text, { ...facts, fix: told.fix });
      if (found) await found.provisioning.endings.fail(found.handout, told);
      return done();
    }
    if (found) {
      this.of.log.error(`${cause.code}: ${cause.message}`, facts);
      await found.provisioning.endings.fail(found.handout, cause.part());
    }
    message.failure = cause.part();
    done(forCatch(cause));
  }
}
