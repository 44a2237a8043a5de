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
  /** What every state must be able to come to, by steps that are no faults. Looked at where nothing else is broken. */
  goal?(state: S, options: O): boolean;
  /** Does not walk on from a breach. */
  stopAtBad?: boolean;
}

/** The breach of a state that can not come to the model's goal. */
export const noWayOut = 'NO WAY OUT';

export interface Explored {
  states: number;
  /** Each breach with the steps that lead to it. */
  breaches: ReadonlyMap<string, readonly string[]>;
}

const mostStates = 300_000;

interface Seen<S> {
  state: S;
  key: string;
  before: Seen<S> | null;
  label: string;
  /** Those from which one step that is no fault leads here. */
  from: Seen<S>[];
}

/**
 * @param until the first breach is enough.
 * @throws Error when the model has too many states to be walked.
 */
export function explore<S, O>(model: Model<S, O>, options: O, until: 'all' | 'first' = 'all'): Explored {
  const start = model.init(options);
  const first: Seen<S> = { state: start, key: JSON.stringify(start), before: null, label: '', from: [] };
  const seen = new Map([[first.key, first]]);
  const queue = [first];
  const breaches = new Map<string, readonly string[]>();
  const breach = (what: string | null | undefined, at: Seen<S>): boolean => {
    if (!what) return false;
    if (!breaches.has(what)) breaches.set(what, trace(at));
    return true;
  };
  for (const at of queue) {
    if (until === 'first' && breaches.size > 0) break;
    if (queue.length > mostStates) throw new Error(`The model has more than ${mostStates} states`);
    const steps: { state: S; label: string }[] = [];
    model.next(at.state, options, (label, change) => {
      const state = JSON.parse(at.key) as S;
      if (change(state) !== false) steps.push({ state, label });
    });
    const isBad = breach(model.bad?.(at.state, options), at);
    if (steps.every(({ label }) => isFault(label))) breach(model.end?.(at.state, options), at);
    if (isBad && model.stopAtBad) continue;
    for (const { state, label } of steps) {
      const key = JSON.stringify(state);
      let next = seen.get(key);
      if (!next) {
        next = { state, key, before: at, label, from: [] };
        seen.set(key, next);
        queue.push(next);
      }
      if (model.goal && !isFault(label)) next.from.push(at);
    }
  }
  const { goal } = model;
  if (goal && breaches.size === 0) {
    const out = new Set(queue.filter(({ state }) => goal(state, options)));
    for (const one of out) for (const before of one.from) out.add(before);
    const lost = queue.find((one) => !out.has(one));
    if (lost) breach(noWayOut, lost);
  }
  return { states: queue.length, breaches };
}

const isFault = (label: string): boolean => label.startsWith('~');

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
