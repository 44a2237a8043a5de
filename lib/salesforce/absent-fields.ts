/** Optional fields that this org turned out to lack, or that our user may not use: learnt once, then left out. */
import type { Log } from '../log';

export class AbsentFields {
  private readonly known = new Set<string>();

  constructor(private readonly log: Log) {}

  /** The field unless it is null or known to be absent. */
  present(object: string, field: string | null): string | null {
    return field === null || this.known.has(keyOf(object, field)) ? null : field;
  }

  /**
   * Takes the named fields for absent if each is one of `optional`, those that were just sent.
   * @returns false: nothing was learnt, the error stands.
   */
  learn(object: string, named: readonly string[], optional: readonly (string | null)[]): boolean {
    const known = named.flatMap((name) => optional.filter((field) => field?.toLowerCase() === name.toLowerCase()));
    if (named.length === 0 || known.length < named.length) return false;
    for (const field of known) {
      this.known.add(keyOf(object, String(field)));
      this.log.info('This org has no such field, or our user may not use it; it is left out until the next deploy', {
        field: `${object}.${String(field)}`,
      });
    }
    return true;
  }
}

const keyOf = (object: string, field: string): string => `${object}.${field}`.toLowerCase();
