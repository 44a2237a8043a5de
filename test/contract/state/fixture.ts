import type { InboxEvent, StateStore } from '../../../lib/state/contract';
import type { EngineUnderTest, OpenStore } from './engine-under-test';
import { channel } from './samples';

/** A fresh place for each test, opened, and closed after it. */
export class Fixture {
  place = '';
  private opened: OpenStore | null = null;

  constructor(private readonly engine: EngineUnderTest) {
    beforeEach(async () => {
      this.place = await engine.newPlace();
      this.opened = await engine.open(this.place, 'instance-1');
    });
    afterEach(async () => {
      await this.opened?.store.close();
      await engine.forgetPlace(this.place);
    });
  }

  get store(): StateStore {
    if (!this.opened) throw new Error('The store is not open');
    return this.opened.store;
  }

  async elapse(ms: number): Promise<void> {
    await this.opened?.elapse(ms);
  }

  /** Closes the store as a clean stop does, and opens it again, by default as another process would. */
  async restart(instance = 'instance-2'): Promise<void> {
    await this.opened?.store.close();
    this.opened = await this.engine.open(this.place, instance);
  }

  /** Takes the next event; there must be one. */
  async take(now = Date.now()): Promise<InboxEvent> {
    const event = await this.store.inbox.take(channel, now);
    if (!event) throw new Error('There was nothing to take');
    return event;
  }
}
