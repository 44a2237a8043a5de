/** An intake on an embedded store, fed by a transport from the simulated org. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Intake, type IntakeOptions } from '../../../lib/provisioning/intake';
import { Provisioning } from '../../../lib/provisioning/provisioning';
import { thisProcess } from '../../../lib/state/sender';
import type { InboxEvent, StateStore } from '../../../lib/state/contract';
import { openEmbeddedStore } from '../../../lib/state/sqlite/engine';
import { FakeClock } from '../../fake-clock';
import { connect, keptLog, turnUntil } from '../../unit/salesforce/org';
import { channel, type Scene } from './scene';
import type { TransportUnderTest } from './transport-under-test';

/** An order's id, one for each number. */
export const orderOf = (n: number): string => `801000000${String(n).padStart(6, '0')}AAA`;

/** One store, shared by the intakes of a test: the nodes and the deploys. */
export class Desk {
  readonly log = keptLog();
  readonly clock: FakeClock;
  private readonly intakes: Intake[] = [];
  private readonly connections: ReturnType<typeof connect>[] = [];
  private messages = 0;

  private constructor(
    private readonly scene: Scene,
    private readonly transport: TransportUnderTest,
    private readonly directory: string,
    readonly store: StateStore,
    clock: FakeClock,
  ) {
    this.clock = clock;
  }

  static async open(scene: Scene, transport: TransportUnderTest): Promise<Desk> {
    const clock = new FakeClock(scene.org.panel.now());
    const directory = mkdtempSync(join(tmpdir(), 'intake-'));
    const store = await openEmbeddedStore({ directory, clock, instance: `instance-${Math.random()}` });
    return new Desk(scene, transport, directory, store, clock);
  }

  /** An intake that has not started; what it hands out is ended at once, unless `deliver` says otherwise. */
  intake(options: Partial<IntakeOptions> & { store?: StateStore } = {}): TestIntake {
    const { store = this.store, ...others } = options;
    const provisioning = new Provisioning({
      store,
      sender: thisProcess(`instance-${Math.random()}`),
      clock: this.clock,
      log: this.log,
      whmcsOf: () => undefined,
    });
    const connection = connect(this.scene.org.url, { clock: this.clock });
    this.connections.push(connection);
    const delivered: InboxEvent[] = [];
    const intake = new Intake({
      ...{ provisioning, channel, orderIdField: 'OrderId__c', activationStatusField: 'Activation_Status__c' },
      ...{ replay: 'LATEST', maxInWork: 4, silenceMs: 86_400_000, uncaught: 'fail' },
      createSubscriber: (sink) =>
        this.transport.create(this.scene.org, {
          ...{
            channel,
            auth: connection.salesforce.auth,
            sink,
            clock: this.clock,
            log: this.log,
            tables: this.scene.tables,
          },
        }),
      deliver: (event) => {
        delivered.push(event);
        const { id: eventId, handout, orderId } = event;
        void provisioning.endings.done({ eventId, handout, orderId: orderId ?? '' });
      },
      newMessageId: () => `m${++this.messages}`,
      ...others,
    });
    this.intakes.push(intake);
    return { intake, provisioning, delivered };
  }

  until(what: string, holds: () => boolean, step?: number): Promise<void> {
    return turnUntil(this.clock, what, holds, step);
  }

  /** A running intake that listens. */
  async listening(options?: Parameters<Desk['intake']>[0]): Promise<TestIntake> {
    const one = this.intake(options);
    await one.intake.start();
    await this.connected(one);
    return one;
  }

  async connected({ intake }: TestIntake): Promise<void> {
    await this.until('connected', () => intake.state.subscriber?.phase === 'connected' && this.scene.streams() > 0);
  }

  /** The cursor's base64; '' for none. */
  async position(): Promise<string> {
    return (await this.store.cursor.read(channel))?.replayId ?? '';
  }

  async close(): Promise<void> {
    for (const intake of this.intakes) await intake.stop();
    for (const connection of this.connections) connection.close();
    await this.store.close();
    assert.equal(this.clock.pending, 0, 'a timer is left');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface TestIntake {
  intake: Intake;
  provisioning: Provisioning;
  delivered: InboxEvent[];
}
