/** Takes one rule out at a time, and looks whether the proof notices; the same seeds with the rule must go well. */
import { prove } from './prove';
import type { Ran } from './run-seed';
import { teeth, type Tooth } from './teeth';

export interface Bite {
  tooth: Tooth;
  /** Seeds until the first breach. */
  ran: number;
  /** The first breach; null: the proof has not noticed. */
  breach: string | null;
  /** Breaches of the same seeds with the rule in place. */
  control: string[];
}

const breached = ({ verdict }: Ran): boolean => verdict.breaches.length > 0;

export async function biteOf(tooth: Tooth, pace: { beside: number; rate: number }): Promise<Bite> {
  const { engine, plans, rate = pace.rate } = tooth;
  const common = { engine, beside: pace.beside, rate, onRan: () => undefined };
  const without = await prove({
    ...common,
    plans,
    patches: tooth.patches ?? [],
    tooth: tooth.store,
    enough: (ran) => ran.some(breached),
  });
  const first = without.find(breached);
  const control = await prove({ ...common, plans: without.map(({ plan }) => plan) });
  return {
    tooth,
    ran: without.length,
    breach: first ? `seed ${first.plan.seed}: ${first.verdict.breaches.join('; ')}` : null,
    control: control.filter(breached).map(({ plan, verdict }) => `seed ${plan.seed}: ${verdict.breaches.join('; ')}`),
  };
}

/** @param only part of a tooth's name. @returns whether each was noticed, and nothing where the rule stands. */
export async function proveTeeth(options: {
  beside: number;
  rate: number;
  only: string | undefined;
  say: (line: string) => void;
}): Promise<boolean> {
  const { beside, rate, only = '', say } = options;
  let good = true;
  for (const tooth of teeth.filter(({ name }) => name.includes(only))) {
    const { ran, breach, control } = await biteOf(tooth, { beside, rate });
    say(
      `without ${tooth.name} (${tooth.engine}): ${breach === null ? `NOT NOTICED in ${ran} seeds` : `noticed within ${ran} seeds: ${breach}`}`,
    );
    for (const one of control) say(`    with it, the same seeds: ${one}`);
    good &&= breach !== null && control.length === 0;
  }
  return good;
}
