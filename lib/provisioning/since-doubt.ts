/**
 * Whether something was put on record before the store's doubt was noticed, or after: what lost records would tell of was
 * before. By the name of the doubt that was known then; clocks are set, and those of two hosts differ (exactly-one R2).
 */
import type { Clock } from '../clock';
import type { Doubt, StateStore } from '../state/contract';

/** What everything that is compared with a doubt bears. */
export interface Recorded {
  /** Wall ms, for people. */
  at: number;
  /** `Doubt.id` of the doubt that was known when it was put on record. Absent in records of older packs. */
  doubt?: string | null | undefined;
}

/** For something that goes on record now. */
export const recordedNow = ({ clock, store }: { clock: Clock; store: Pick<StateStore, 'doubtId'> }): Recorded => ({
  at: clock.now(),
  doubt: store.doubtId,
});

/** A doubt without a name has its time alone. */
export const isSince = (doubt: Doubt, { at, doubt: known }: Recorded): boolean =>
  doubt.id === null ? at >= doubt.until : known === doubt.id;
