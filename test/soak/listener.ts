/** Our side: a store on disk, an intake on it, and in place of the flow a guard that reads the order and says Activated. */
import { mkdirSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Log } from '../../lib/log';
import { Intake } from '../../lib/provisioning/intake';
import { Provisioning } from '../../lib/provisioning/provisioning';
import { createSalesforce } from '../../lib/salesforce/connection';
import {
  defaultFieldNames,
  type EventSink,
  type Subscriber,
  type SubscriberState,
} from '../../lib/salesforce/contract';
import { createPubSubSubscriber } from '../../lib/salesforce/events/pubsub';
import { createStreamingSubscriber } from '../../lib/salesforce/events/streaming';
import type { InboxEvent } from '../../lib/state/contract';
import { thisProcess } from '../../lib/state/sender';
import { openEmbeddedStore } from '../../lib/state/sqlite/engine';
import type { FakeClock } from '../fake-clock';
import { consumerKey, username, type Org } from './org';
import { intakeSettings } from '../intake-settings';

export const channel = '/event/OrderProvisionRequested__e';
export const transports = ['pubsub', 'streaming'] as const;
export type Transport = (typeof transports)[number];

export interface ListenerParts {
  org: Org;
  directory: string;
  clock: FakeClock;
  log: Log;
  transport: Transport;
  /** An order that was Activating is Activated now. */
  onHandled: (orderId: string) => void;
}

/** A life of the process: opened, closed, opened again on the same directory. */
export class Listener {
  skipped = 0;
  private working = new Set<Promise<void>>();

  private constructor(
    private readonly parts: ListenerParts,
    readonly provisioning: Provisioning,
    private readonly salesforce: ReturnType<typeof createSalesforce>,
  ) {}

  private intake!: Intake;

  static async open(parts: ListenerParts): Promise<Listener> {
    const { org, directory, clock, log } = parts;
    mkdirSync(directory, { recursive: true });
    const instance = `soak-${clock.now()}`;
    const store = await openEmbeddedStore({ directory, clock, instance, keepOrders: 1_000 });
    const provisioning = new Provisioning({
      store,
      sender: thisProcess(instance),
      clock,
      log,
      whmcsOf: () => undefined,
    });
    const salesforce = createSalesforce({
      loginUrl: org.url,
      audience: 'https://login.salesforce.com',
      clientId: consumerKey,
      username,
      privateKey: { pem: org.privateKeyPem },
      clock,
      log,
    });
    const listener = new Listener(parts, provisioning, salesforce);
    provisioning.useSalesforce(salesforce, defaultFieldNames);
    let made = 0;
    listener.intake = new Intake({
      provisioning,
      ...intakeSettings,
      channel,
      replay: 'ALL',
      maxInWork: 10,
      sweep: {
        read: (after, limit, signal) =>
          salesforce.activatingOrders(
            { fields: defaultFieldNames, status: 'Activating', pricebookId: null, after, limit },
            signal,
          ),
      },
      createSubscriber: (sink) => listener.subscriber(sink),
      newMessageId: () => `m${++made}`,
      deliver: (event) => listener.flow(event),
    });
    await provisioning.start();
    await listener.intake.start();
    return listener;
  }

  get state(): SubscriberState | null {
    return this.intake.state.subscriber;
  }

  get inWork(): number {
    return this.intake.state.inWork;
  }

  async close(): Promise<void> {
    await this.intake.stop();
    await Promise.allSettled(this.working);
    await this.provisioning.close();
    this.salesforce.close();
  }

  private subscriber(sink: EventSink): Subscriber {
    const { org, clock, log, transport } = this.parts;
    const common = { channel, auth: this.salesforce.auth, sink, clock, log };
    return transport === 'streaming'
      ? createStreamingSubscriber(common)
      : createPubSubSubscriber({ ...common, endpoint: org.pubsub });
  }

  private flow(event: InboxEvent): void {
    const work = this.handle(event).catch((error: unknown) => {
      throw error;
    });
    this.working.add(work);
    void work.finally(() => this.working.delete(work));
  }

  private async handle(event: InboxEvent): Promise<void> {
    const { orderId } = event;
    if (orderId === null) throw new Error(`event ${event.id} was handed out without an order`);
    const { org, onHandled } = this.parts;
    const of = { eventId: event.id, handout: event.handout, orderId };
    if ((await org.status(orderId)) !== 'Activating') {
      this.skipped += 1;
      await this.provisioning.endings.skip(of, {
        code: 'ORDER_NOT_ACTIVATING',
        message: 'the soak has handled it already',
      });
      return;
    }
    onHandled(orderId);
    await org.activated(orderId);
    await this.provisioning.endings.done(of);
  }
}

/** HTTP calls of ours that have begun and not ended: time must not run away while they are under way. Long polls are meant to wait. */
export class CallsUnderWay {
  private readonly open = new Set<unknown>();
  private readonly began = (message: unknown): void => {
    const { request } = message as { request: ClientRequest };
    if (!request.path.startsWith('/cometd')) this.open.add(request);
  };
  private readonly ended = (message: unknown): void => void this.open.delete((message as { request: unknown }).request);

  constructor() {
    subscribe('http.client.request.start', this.began);
    for (const name of ['http.client.response.finish', 'http.client.request.error']) subscribe(name, this.ended);
  }

  get count(): number {
    return this.open.size;
  }

  stop(): void {
    unsubscribe('http.client.request.start', this.began);
    for (const name of ['http.client.response.finish', 'http.client.request.error']) unsubscribe(name, this.ended);
  }
}
