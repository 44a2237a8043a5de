/**
 * One live stream per channel and org in a process, whatever the deploys and however many nodes listen: a second subscriber
 * stands by until the first has gone. It would cost a delivery for every event, and both would act on each.
 */

interface Place {
  waiting: (() => void)[];
}

/** Who listens to which channel; a place is forgotten when nobody has it. */
export class Places {
  private readonly places = new Map<string, Place>();

  /**
   * Waits for the place that `key` names; they get it in the order of asking.
   * @param wait called when another has it.
   * @returns lets go of the place; may be called again.
   * @throws the signal's reason.
   */
  async take(key: string, signal: AbortSignal, wait: () => void): Promise<() => void> {
    signal.throwIfAborted();
    const place = this.places.get(key);
    if (place === undefined) this.places.set(key, { waiting: [] });
    else {
      wait();
      await turn(place, signal);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.places.get(key)?.waiting.shift();
      if (next) next();
      else this.places.delete(key);
    };
  }
}

function turn(place: Place, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const mine = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = (): void => {
      place.waiting = place.waiting.filter((other) => other !== mine);
      reject(signal.reason as Error);
    };
    place.waiting.push(mine);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
