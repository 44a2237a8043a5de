import '../shared/needed-node';
import type { Node, NodeAPI } from 'node-red';
import { eventPart, Intake, type IntakeState } from '../../lib/provisioning/intake';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import type { SweepParts } from '../../lib/provisioning/sweep';
import type { EventSink, Subscriber } from '../../lib/salesforce/contract';
import { createPubSubSubscriber } from '../../lib/salesforce/events/pubsub';
import { createStreamingSubscriber } from '../../lib/salesforce/events/streaming';
import { registerAdminRoutes } from '../shared/admin-routes';
import { nodeProblem, useConnections } from '../shared/connections';
import { toldFieldNames, toldFieldSettings } from '../shared/field-names';
import { intakeStatus } from '../shared/intake-status';
import { logOf } from '../shared/log';
import {
  channelTables,
  currentCheck,
  flowIdOf,
  isDeploying,
  leaveChannel,
  onChannelFree,
  onDeployed,
  problems,
  takeChannel,
  time,
  type SalesforceConnection,
} from '../shared/registry';
import { choice, readSettings, secondsSetting, text, whole, yesNo, type ValuesOf } from '../shared/settings';
import { StatusLine } from '../shared/status';
import { storeStatus } from '../shared/store-status';

const settings = {
  channel: text('/event/OrderProvisionRequested__e'),
  transport: choice(['pubsub', 'streaming'], 'pubsub'),
  enabled: yesNo(true),
  replay: choice(['LATEST', 'ALL'], 'LATEST'),
  orderIdField: text('OrderId__c'),
  maxInWork: whole(10, { min: 1, max: 100 }),
  silence: secondsSetting(300, { min: 30, max: 86_400 }),
  uncaught: choice(['fail', 'alarm'], 'fail'),
  sweep: yesNo(true),
  sweepMinutes: whole(5, { min: 1, max: 1_440 }),
  pricebookId: text(),
  deliveryAllowance: whole(null, { min: 1, max: 1_000_000_000 }),
  ...toldFieldSettings,
};

/** Longest that closing waits for the stream and the event at hand. */
const closeLimitMs = 10_000;

export = (RED: NodeAPI): void => {
  registerAdminRoutes(RED, { settings: { 'sf-platform-event-in': settings } });
  RED.nodes.registerType('sf-platform-event-in', function (this: Node, definition) {
    RED.nodes.createNode(this, definition);
    const config = definition as unknown as Record<string, unknown>;
    const read = readSettings(settings, config);
    const used = useConnections(RED, this, config, { salesforce: 'sf-connection', store: 'provisioning-store' });
    for (const note of read.notes) this.log(note);
    if (nodeProblem(this, [...read.problems, ...used.problems])) return;
    new Source(RED, this, read.values, used.connections.salesforce, used.connections.store);
  });
};

class Source {
  private readonly status: StatusLine;
  private readonly log;
  private working: { provisioning: Provisioning; intake: Intake } | null = null;
  /** Deploys, and changes of the store, are looked at one after another. */
  private looking: Promise<void> = Promise.resolve();
  /** The flows have started with it. */
  private stands = false;
  private closed = false;
  /** Another node has its channel. */
  private isTaken = false;

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly values: ValuesOf<typeof settings>,
    private readonly salesforce: SalesforceConnection,
    private readonly store: SharedStore,
  ) {
    this.status = new StatusLine(node);
    this.log = logOf(node);
    const offs = [
      onDeployed(RED, () => this.after(() => this.deployed())),
      store.onChange(() => this.after(() => this.storeChanged())),
      onChannelFree(() => this.after(() => this.channelFree())),
    ];
    node.on('close', (done: () => void) => {
      for (const off of offs) off();
      void this.close().then(done, done);
    });
  }

  /** One look after another, none of a closed node; none rejects. */
  private after(look: () => Promise<void>): void {
    this.looking = this.looking.then(async () => {
      try {
        if (!this.closed) await look();
      } catch (error) {
        this.node.error(error instanceof Error ? error.message : String(error));
        this.status.show({ fill: 'red', shape: 'ring', text: 'store' });
      }
    });
  }

  /**
   * After each deploy, when all nodes stand: starts, or stops, as the flow now is; where it goes on it looks for messages
   * that were lost. A deploy may mend another node and leave this one as it is.
   */
  private async deployed(): Promise<void> {
    this.stands = true;
    for (const finding of currentCheck().findings)
      if (finding.sourceId === flowIdOf(this.node)) this.node.warn(`check flow: ${finding.text}`);
    const obstacle = this.obstacle();
    if (obstacle) {
      await this.leave();
      this.idle(obstacle);
    } else if (this.working) this.working.intake.deployed();
    else await this.start();
  }

  /** The store has opened, or says why it cannot be used: needs no deploy. */
  private async storeChanged(): Promise<void> {
    if (this.working) return this.show(this.working.intake.state);
    if (this.stands && this.obstacle() === null) await this.start();
  }

  /** Another node has let go of a channel, maybe of the one that this node found taken. */
  private async channelFree(): Promise<void> {
    if (this.working === null && this.isTaken && this.stands && this.obstacle() === null) await this.start();
  }

  /** Why it takes no work, as the flow is deployed. */
  private obstacle(): Idle | null {
    if (!this.values.enabled)
      return { fill: 'grey', text: 'switched off', why: 'SF_EVENTS_ENABLED is not true: nothing is subscribed' };
    const check = currentCheck();
    const reached = check.reach(flowIdOf(this.node));
    const lacking = [...problems.values()].find(({ flowId }) => reached.has(flowId));
    if (lacking !== undefined)
      return {
        fill: 'red',
        text: 'settings',
        why: `Nothing is subscribed while a node of this flow lacks a setting: ${lacking.text}`,
      };
    const unwired = check.findings.some((one) => one.sourceId === flowIdOf(this.node) && one.kind === 'sourceNotWired');
    return unwired ? { fill: 'red', text: 'not wired', why: null } : null;
  }

  private async start(): Promise<void> {
    const { channel } = this.values;
    const { provisioning, problem } = this.store;
    if (provisioning === null) {
      if (problem) this.status.show(storeStatus(problem, this.store.engine));
      return;
    }
    const intake = this.createIntake(provisioning);
    this.isTaken = !takeChannel(provisioning, channel, this.node.id, intake);
    if (this.isTaken) {
      const why = `Another node of this store listens to ${channel} already; this one does not start. Remove one of the two, then deploy`;
      return this.idle({ fill: 'red', text: 'channel taken', why });
    }
    provisioning.useSalesforce(this.salesforce.salesforce, toldFieldNames(this.values));
    this.working = { provisioning, intake };
    intake.onState((state) => this.show(state));
    await intake.start();
    this.show(intake.state);
  }

  private createIntake(provisioning: Provisioning): Intake {
    const { channel, orderIdField, replay, maxInWork, silence, uncaught, sweep, sweepMinutes, pricebookId } =
      this.values;
    const { salesforce } = this.salesforce;
    const fields = toldFieldNames(this.values);
    const read: SweepParts['read'] = (after, limit, signal) =>
      salesforce.activatingOrders({ fields, status: 'Activating', pricebookId, after, limit }, signal);
    return new Intake({
      provisioning,
      channel,
      orderIdField,
      activationStatusField: fields.activationStatus,
      replay,
      maxInWork,
      silenceMs: silence * 1_000,
      uncaught,
      ...(sweep ? { sweep: { read, settings: { everyMs: sweepMinutes * 60_000 } } } : {}),
      createSubscriber: (sink) => this.createSubscriber(sink),
      newMessageId: () => this.RED.util.generateId(),
      isDeploying,
      deliver: (event, messageId) =>
        this.node.send({ _msgid: messageId, topic: event.channel, payload: event.payload, event: eventPart(event) }),
    });
  }

  private createSubscriber(sink: EventSink): Subscriber {
    const { channel, transport, deliveryAllowance } = this.values;
    const { salesforce, pubsubEndpoint, apiVersion, ca } = this.salesforce;
    const common = {
      channel,
      auth: salesforce.auth,
      sink,
      clock: time.clock,
      log: this.log,
      deliveryAllowance: deliveryAllowance ?? undefined,
      tables: channelTables,
      ca,
    };
    return transport === 'streaming'
      ? createStreamingSubscriber({ ...common, apiVersion })
      : createPubSubSubscriber({ ...common, endpoint: pubsubEndpoint });
  }

  private show(state: IntakeState): void {
    const { problem } = this.store;
    if (problem) return this.status.show(storeStatus(problem, this.store.engine));
    const unsound = currentCheck().findings.some((finding) => finding.sourceId === flowIdOf(this.node));
    this.status.show(intakeStatus(state, unsound, time.clock.now()));
  }

  private idle({ fill, text, why }: Idle): void {
    if (why !== null) this.node.warn(why);
    this.status.show({ fill, shape: 'ring', text });
  }

  private async close(): Promise<void> {
    this.closed = true;
    this.status.close();
    const left = this.looking.then(() => this.leave());
    await new Promise<void>((resolve) => {
      const limit = time.clock.after(closeLimitMs, resolve);
      void left
        .catch((error: unknown) =>
          this.log.error('The platform event node did not close cleanly', { error: String(error) }),
        )
        .then(() => {
          limit.cancel();
          resolve();
        });
    });
  }

  /** Ends the stream and the hand-out; another node may take the channel. */
  private async leave(): Promise<void> {
    const { working } = this;
    if (!working) return;
    this.working = null;
    try {
      await working.intake.stop();
    } finally {
      leaveChannel(working.provisioning, this.values.channel, this.node.id);
    }
  }
}

/** What a node that takes no work shows, and says once a deploy. */
interface Idle {
  fill: 'grey' | 'red';
  text: string;
  why: string | null;
}
