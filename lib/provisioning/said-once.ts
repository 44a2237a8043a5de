/** What is tried again and again: why it fails is told when it begins to, and when it is something else, not each time. */
import type { Log } from '../log';
import { toFailure } from './failure';

export class SaidOnce {
  private why: string | null = null;

  constructor(
    private readonly log: Log,
    private readonly texts: { fails: string; works?: string },
  ) {}

  /** Code and message of what is wrong; null: it works. */
  get problem(): string | null {
    return this.why;
  }

  failed(error: unknown): void {
    const { code, message } = toFailure(error, 'event');
    const why = `${code}: ${message}`;
    if (why !== this.why) this.log.error(this.texts.fails, { error: String(error) });
    this.why = why;
  }

  worked(): void {
    if (this.why !== null && this.texts.works !== undefined) this.log.info(this.texts.works);
    this.why = null;
  }
}
