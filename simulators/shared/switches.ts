import { type z } from 'zod';
import { readable } from './faults';

/** A simulator's switches: a strict zod object whose every field has a default. */
export class Switches<T extends object> {
  private current: T;

  constructor(private readonly schema: z.ZodType<T>) {
    this.current = schema.parse({});
  }

  /** The values in force. Read anew at each use. */
  get values(): Readonly<T> {
    return this.current;
  }

  /**
   * Sets the named switches, leaves the others.
   * @throws Error that names the unknown switch or the wrong value.
   */
  set(patch: unknown): Readonly<T> {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
      throw new Error('switches: expected an object of names and values');
    }
    const parsed = this.schema.safeParse({ ...this.current, ...patch });
    if (!parsed.success) throw new Error(readable('switches', parsed.error));
    this.current = parsed.data;
    return this.current;
  }

  reset(): void {
    this.current = this.schema.parse({});
  }
}
