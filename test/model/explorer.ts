/**
 * Walks every state that a small model of a protocol can reach, breadth first, so that the first trace found to a breach is
 * a shortest one. What it shows is bounded by the model: a rule closes *this* hole, not that the whole is right.
 */

/** A step: its name, and what it does to the next state. `false`: it is not possible after all. */
export type Go<S> = (label: string, change: (next: S) => void | false) => void;

export interface Model<S, O> {
  init(options: O): S;
  /** Names every step that is possible. A label that begins with `~` is a fault: it may happen, and nothing may rely on it. */
  next(state: S, options: O, go: Go<S>): void;
  /** What must never be. */
  bad?(state: S, options: O): string | null;
  /** What must not be where no step is left but faults. */
  end?(state: S, options: O): string | null;
  /** Does not walk on from a breach. */
  stopAtBad?: boolean;
}

export interface Explored {
  states: number;
  /** Each breach with the steps that lead to it. */
  breaches: ReadonlyMap<string, readonly string[]>;
}

const mostStates = 3_000_000;

interface Seen<S> {
  state: S;
  before: Seen<S> | null;
  label: string;
}

/** @throws Error when the model has too many states to be walked. */
export function explore<S, O>(model: Model<S, O>, options: O): Explored {
  const first: Seen<S> = { state: model.init(options), before: null, label: '' };
  const seen = new Set([JSON.stringify(first.state)]);
  const queue = [first];
  const breaches = new Map<string, readonly string[]>();
  const breach = (what: string | null | undefined, at: Seen<S>): boolean => {
    if (!what) return false;
    if (!breaches.has(what)) breaches.set(what, trace(at));
    return true;
  };
  for (const at of queue) {
    if (queue.length > mostStates) throw new Error(`The model has more than ${mostStates} states`);
    const text = JSON.stringify(at.state);
    const steps: Seen<S>[] = [];
    model.next(at.state, options, (label, change) => {
      const state = JSON.parse(text) as S;
      if (change(state) !== false) steps.push({ state, before: at, label });
    });
    const isBad = breach(model.bad?.(at.state, options), at);
    if (steps.every(({ label }) => label.startsWith('~'))) breach(model.end?.(at.state, options), at);
    if (isBad && model.stopAtBad) continue;
    for (const step of steps) {
      const key = JSON.stringify(step.state);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push(step);
    }
  }
  return { states: queue.length, breaches };
}

function trace<S>(at: Seen<S>): string[] {
  const labels: string[] = [];
  for (let one: Seen<S> | null = at; one?.before; one = one.before) labels.unshift(one.label);
  return labels;
}

/** The one of a list with this property; a model that asks for it knows that it is there. */
export function the<T>(list: readonly T[], is: (one: T) => boolean): T {
  const found = list.find(is);
  if (found === undefined) throw new Error('The model asks for something that is not there');
  return found;
}
