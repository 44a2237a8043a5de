/**
 * The one input wrapper of all our nodes. A message is taken up, the step runs, and its outcome is on record before the
 * message goes on, in this order: whose event is it? stale? needs there? closing? journal *started* → run → journal the
 * outcome → set the key, send, done. Whatever is thrown becomes a Failure: journal → `msg.failure` → `done(err)`.
 *
 * Nothing here rejects: a rejected input handler ends the whole Node-RED process.
 */
import { z } from 'zod';
import type { Node, NodeStatus } from 'node-red';
import { failure, toFailure } from '../../lib/provisioning/failure';
import type { Handout, Visit } from '../../lib/provisioning/handouts';
import { LeaseLost } from '../../lib/provisioning/held-order';
import { Journal, provisioningPart } from '../../lib/provisioning/journal';
import type { Message, Travelling } from '../../lib/provisioning/message';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import type { EndContext, Step, StepOutcome } from '../../lib/provisioning/step';
import { isStoreAway, waitInstead } from '../../lib/provisioning/waiting';
import { fromCatch } from './caught';
import { nodeProblemText } from './connections';
import { onInput, type Done, type Send } from './input';
import { logOf } from './log';
import { handoutOf, isDeploying, intakesOf, storeOf, time } from './registry';
import type { SettingProblem } from './settings';
import { StatusLine } from './status';
import { StepFailures } from './step-failures';

/** What tells a hand-out, as the source sends it. A flow may have put something else there. */
const handedOut = z.object({ id: z.string(), handout: z.number(), channel: z.string(), receivedAt: z.string() });
type HandedOut = z.infer<typeof handedOut>;

/** Grace for reads that run when the node closes. A call that may have an effect is never aborted. */
const closeGraceMs = 10_000;
const busyMs = 2_000;

/** Characters that the editor shows below a node without running into its neighbours. */
const statusLength = 60;
const shortened = (text: string): string =>
  text.length <= statusLength ? text : `${text.slice(0, statusLength - 1).trimEnd()}…`;

type AnyOutcome = StepOutcome<Travelling[keyof Travelling], string>;
type Onward = Extract<AnyOutcome, { way: string }>;
type Parked = Extract<AnyOutcome, { parked: unknown }>;

/** One message on its way through one node. */
interface Pass {
  provisioning: Provisioning;
  handout: Handout;
  visit: Visit;
  journal: Journal;
  message: Message;
  send: Send;
  done: Done;
}

/** One node's messages. `step` is null while it lacks something; `lacks` says what kind. */
export class StepRunner<N extends keyof Travelling, A extends keyof Travelling, W extends string> {
  private readonly status: StatusLine;
  private readonly failures: StepFailures;
  private readonly log;
  private readonly label: string;
  private readonly aborting = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private closed = false;

  constructor(
    private readonly node: Node & { wires?: string[][] },
    private readonly ways: readonly W[],
    private readonly step: Step<N, A, W> | null,
    private readonly lacks: SettingProblem['code'],
  ) {
    this.status = new StatusLine(node);
    this.log = logOf(node);
    this.label = node.name || node.type;
    this.failures = new StepFailures({ node, log: this.log, step, show: (shown) => this.show(shown) });
    onInput(node, (message, send, done) => {
      const run = this.take(message as Message, send, done).catch((thrown: unknown) =>
        this.failures.broken(thrown, message as Message, done),
      );
      this.running.add(run);
      return run.finally(() => this.running.delete(run));
    });
    node.on('close', (done: () => void) => void this.close().then(done, done));
  }

  /** Lets running steps record what they did. After the grace reads are aborted; a call with an effect is left to the register. */
  private async close(): Promise<void> {
    this.closed = true;
    if (this.running.size > 0) {
      await new Promise<void>((resolve) => {
        const grace = time.clock.after(closeGraceMs, resolve);
        void Promise.allSettled([...this.running]).then(() => {
          grace.cancel();
          resolve();
        });
      });
    }
    this.status.close();
    this.aborting.abort(new Error('Node-RED closes this node'));
  }

  private async take(message: Message, send: Send, done: Done): Promise<void> {
    const event = handedOut.safeParse(message.event);
    if (!event.success) return this.failures.withoutEvent(message, done);
    const found = handoutOf({ eventId: event.data.id });
    if (found?.handout.handout === event.data.handout)
      return this.pass(found.provisioning, found.handout, message, send, done);
    if (this.step?.ends) return this.late(this.step, event.data, message, done);
    this.show({ fill: 'grey', shape: 'ring', text: 'replaced' });
    done();
  }

  /** Once this node is closed another of its id may stand, and show what it does. */
  private show(status: NodeStatus): void {
    if (!this.closed) this.status.show(status);
  }

  private async pass(
    provisioning: Provisioning,
    handout: Handout,
    message: Message,
    send: Send,
    done: Done,
  ): Promise<void> {
    if (this.step === null) {
      return this.failures.fail(
        provisioning,
        handout,
        null,
        failure(this.lacks, nodeProblemText(this.node), 'validation'),
        message,
        done,
      );
    }
    if (this.closed) {
      provisioning.handouts.lose(handout.eventId, handout.handout);
      return done();
    }
    const visit = provisioning.handouts.enter(handout, this.label);
    try {
      const place = {
        store: provisioning.store,
        clock: provisioning.clock,
        log: this.log,
        orderId: handout.orderId,
        eventId: handout.eventId,
      };
      const journal = await Journal.start(place, this.step.name);
      await this.run(this.step, { provisioning, handout, visit, journal, message, send, done });
    } catch (thrown) {
      if (!isStoreAway(thrown)) throw thrown;
      this.awaitStore(provisioning, handout, thrown);
      done();
    } finally {
      visit.leave();
    }
  }

  private async run(step: Step<N, A, W>, pass: Pass): Promise<void> {
    const { provisioning, handout, visit, journal, message, done } = pass;
    this.show({ fill: 'blue', shape: 'dot', text: message.order?.number ?? handout.orderId });
    try {
      const outcome = (await this.outcome(step, pass)) as AnyOutcome;
      if ('parked' in outcome) return await this.park(pass, outcome);
      await journal.done(outcome.note);
      if ('dropped' in outcome) {
        this.show({ fill: 'grey', shape: 'ring', text: 'dropped' });
        return done();
      }
      await this.sendOn(step, pass, outcome);
    } catch (thrown) {
      if (isStoreAway(thrown)) throw thrown;
      const found = toFailure(thrown, step.name);
      // While the node closes nobody takes its message, and its connections may be closed under it.
      if (thrown instanceof LeaseLost || this.closed) {
        return this.park(pass, {
          parked: { until: provisioning.clock.now() + busyMs, reason: 'goes on from the record' },
          note: 'stopped; goes on from the record',
        });
      }
      const wait = waitInstead(thrown, found);
      if (wait) {
        const { ms, cause, holdsAll, toldOnOrder } = wait;
        if (holdsAll) for (const intake of intakesOf(provisioning)) intake.holdFor(cause, ms, holdsAll.longestMs);
        if (toldOnOrder) provisioning.writer.notes.isHeld(handout.orderId, cause);
        const text = `${cause.code}: ${cause.message}`;
        return this.park(pass, { parked: { until: provisioning.clock.now() + ms, reason: text }, note: text });
      }
      await journal.failed(found);
      await this.failures.fail(provisioning, handout, visit, found, message, done);
    }
  }

  /** Not a failure of the order: it goes out again as soon as the store answers, and goes on from its record. */
  private awaitStore(provisioning: Provisioning, { orderId, eventId, handout }: Handout, thrown: unknown): void {
    this.log.warn('The store does not answer; the order goes on from its record when it does', {
      order: orderId,
      event: eventId,
      error: String(thrown),
    });
    this.show({ fill: 'yellow', shape: 'ring', text: 'waits for the store' });
    provisioning.handouts.lose(eventId, handout);
  }

  private outcome(
    step: Step<N, A, W>,
    { provisioning, handout, visit, message }: Pass,
  ): Promise<StepOutcome<Travelling[A], W>> {
    const missing = step.needs.find((key) => message[key] === undefined || message[key] === null);
    if (missing) throw failure('MESSAGE_INCOMPLETE', `msg.${missing} is missing`, step.name);
    fromCatch(message);
    const context: EndContext = {
      orderId: handout.orderId,
      eventId: handout.eventId,
      handout: handout.handout,
      clock: provisioning.clock,
      log: this.log,
      signal: this.aborting.signal,
      desk: provisioning,
      endings: provisioning.endings,
      writer: provisioning.writer,
      salesforce: provisioning.writer.target,
      visit,
    };
    return step.run(message as Pick<Travelling, N> & Partial<Travelling>, context);
  }

  private async sendOn(step: Step<N, A, W>, pass: Pass, outcome: Onward): Promise<void> {
    const { provisioning, handout, visit, message, send, done } = pass;
    const event = await provisioning.store.inbox.get(handout.eventId);
    // A wish that came while the step worked is decided now; where it ended the order the message goes no further.
    const ended = !step.ends && (event === null || (await provisioning.endings.decide(event, visit)));
    this.fill(step, message, outcome);
    message.provisioning = await provisioningPart(provisioning.store, handout.orderId);
    this.show({
      fill: outcome.failure || outcome.warning ? 'yellow' : 'green',
      shape: 'dot',
      text: shortened(
        [message.order?.number ?? handout.orderId, outcome.way === 'next' ? '' : outcome.way, outcome.warning ?? '']
          .filter((word) => word !== '')
          .join(' '),
      ),
    });
    if (ended) return done();
    // What an end sends on is nobody's to hand out again.
    if (this.closed || (!step.ends && isDeploying())) {
      provisioning.handouts.lose(handout.eventId, handout.handout);
      return done();
    }
    const port = this.ways.indexOf(outcome.way as W);
    // The node's own: a deploy may change them and leave the node as it is.
    if (!step.ends && (this.node.wires?.[port] ?? []).length === 0) {
      throw failure('OUTPUT_NOT_WIRED', `Output "${outcome.way}" of "${this.label}" is not wired`, step.name);
    }
    send(this.ways.map((_, index) => (index === port ? message : null)));
    done();
  }

  private fill(step: Step<N, A, W>, message: Message, outcome: Onward): void {
    if (outcome.value !== undefined) Object.assign(message, { [step.adds]: outcome.value });
    if (outcome.skipped) message.skipped = outcome.skipped;
    if (outcome.failure) message.failure = outcome.failure;
  }

  private async park({ provisioning, handout, visit, journal, done }: Pass, outcome: Parked): Promise<void> {
    await journal.parked(outcome.note);
    if (outcome.parked.told) provisioning.writer.notes.isHeld(handout.orderId, outcome.parked.told);
    await provisioning.park(visit, outcome.parked);
    this.show({ fill: 'yellow', shape: 'ring', text: 'waits' });
    done();
  }

  /** A box that ends the order is reached although its event has ended or was handed out anew: say what stands, change nothing. */
  private async late(step: Step<N, A, W>, event: HandedOut, message: Message, done: Done): Promise<void> {
    const found = await storeOf(event.id);
    this.show({ fill: 'grey', shape: 'ring', text: 'replaced' });
    if (!found || found.orderId === null) return done();
    const { provisioning, orderId } = found;
    const handout: Handout = {
      eventId: event.id,
      handout: event.handout,
      orderId,
      channel: event.channel,
      suspected: false,
      receivedAt: Date.parse(event.receivedAt),
      lastSign: 0,
      lastNode: null,
      undelivered: false,
    };
    const visit = { ...handout, node: this.label, leave: () => undefined };
    const journal = await Journal.start(
      { store: provisioning.store, clock: provisioning.clock, log: this.log, orderId, eventId: event.id },
      step.name,
    );
    const send = (): void => undefined;
    try {
      const outcome = await this.outcome(step, { provisioning, handout, visit, journal, message, send, done });
      await journal.done(outcome.note);
    } catch (thrown) {
      await journal.failed(toFailure(thrown, step.name));
      throw thrown;
    }
    done();
  }
}
