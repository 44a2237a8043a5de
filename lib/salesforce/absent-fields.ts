/** Fields that this org turned out to lack, or that our user may not use: told once, left out, and tried again now and then. */
import type { Clock } from '../clock';
import type { Log } from '../log';

/** An Order's fields as our user may write them: what he may not write is read all the same. */
export const toWrite = 'Order (to write)';

/** An admin may have added the field, or given the permission. */
const leftOutMs = 900_000;

const lines = {
  info: 'This org has no such field, or our user may not use it; it is left out',
  warn: 'This org has no such field, or our user may not see it; everything else is written without it',
  error: 'Salesforce does not take a field of a result; everything else is written without it',
} as const;

export class AbsentFields {
  /** Until when (monotonic ms) a field is left out. */
  private readonly known = new Map<string, number>();
  private readonly told = new Set<string>();

  constructor(
    private readonly log: Log,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {}

  /** The field unless it is null or known to be absent. */
  present(object: string, field: string | null): string | null {
    if (field === null) return null;
    const until = this.known.get(keyOf(object, field));
    return until !== undefined && this.clock.monotonic() < until ? null : field;
  }

  /**
   * Takes the named fields for absent if each is one of `optional`, those that were just sent; one line for each, ever.
   * @param levelOf how loud that line is.
   * @returns false: nothing was learnt, the error stands.
   */
  learn(
    object: string,
    named: readonly string[],
    optional: readonly (string | null)[],
    levelOf: (field: string) => keyof typeof lines = () => 'info',
  ): boolean {
    const fields = ofThese(named, optional);
    if (fields === null) return false;
    for (const field of fields) {
      const key = keyOf(object, field);
      this.known.set(key, this.clock.monotonic() + leftOutMs);
      const level = levelOf(field);
      if (!this.told.has(key)) this.log[level](lines[level], { field: fullName(object, field) });
      this.told.add(key);
    }
    return true;
  }

  /** A value of an optional field was refused; the field is left out this time. One alarm for each field and code. */
  refused(object: string, field: string, code: string, problem: string): void {
    const key = `${keyOf(object, field)} ${code}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.log.error(lines.error, { field: fullName(object, field), code, problem });
  }
}

/** The named ones, as they are spelt in `optional`; null: none is named, or others are too. */
export function ofThese(named: readonly string[], optional: readonly (string | null)[]): string[] | null {
  const found = named.flatMap((name) => optional.find((field) => field?.toLowerCase() === name.toLowerCase()) ?? []);
  return named.length > 0 && found.length === named.length ? found : null;
}

const keyOf = (object: string, field: string): string => `${object}.${field}`.toLowerCase();
const fullName = (object: string, field: string): string => `${object.split(' ')[0] ?? ''}.${field}`;
