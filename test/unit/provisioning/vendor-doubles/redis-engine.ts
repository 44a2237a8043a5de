/** The shared store for tests whose clock is turned by hand: it tells when it waits for nothing. */
import type { Clock } from '../../../../lib/clock';
import type { StateStore } from '../../../../lib/state/contract';
import { openRedisStore } from '../../../../lib/state/redis/engine';
import type { Engine } from './world';

export class RedisEngine implements Engine {
  readonly stepMs = 1_000;
  private underWay = 0;

  async open(url: string, clock: Clock, instance: string): Promise<StateStore> {
    return this.counted(await openRedisStore({ connection: { url }, clock, instance }));
  }

  /** Resolved once nothing was asked of Redis for a few turns. */
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet++) {
      if (this.underWay > 0) quiet = -1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The same store, its parts too, with a count of what it has under way. */
  private counted<T extends object>(part: T): T {
    return new Proxy(part, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found === 'object' && found !== null) return this.counted(found);
        if (typeof found !== 'function') return found;
        return (...given: unknown[]): unknown => {
          const answer: unknown = Reflect.apply(found, target, given);
          if (!(answer instanceof Promise)) return answer;
          this.underWay += 1;
          return answer.finally(() => (this.underWay -= 1));
        };
      },
    });
  }
}
