import { type Ledger } from '../shared/ledger';
import { type VirtualClock } from '../shared/virtual-clock';
import { isTrue, toInt, type PhpArray, type PhpValue } from './php-body';
import { type Shapes } from './shapes';
import { type Store } from './store';
import { type WhmcsSwitches } from './switches';

/** What the actions work on. */
export interface World {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: VirtualClock;
  readonly switches: Readonly<WhmcsSwitches>;
}

/** One call of one action. */
export interface Call extends World {
  readonly params: Params;
  readonly shapes: Shapes;
  /** Admin whom the credentials belong to. */
  readonly adminId: number;
  readonly ip: string;
}

/** The answer's body without `result: success`; keys whose value is undefined are left out. */
export type Result = Record<string, unknown>;

export type Action = (call: Call) => Result | Promise<Result>;

/** Answered as `result: error` with this message. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status = 200,
  ) {
    super(message);
  }
}

/** $_POST. */
export class Params {
  constructor(private readonly post: PhpArray) {}

  get(name: string): PhpValue | undefined {
    return this.post.get(name);
  }

  /** Given at all, and not as an empty string. */
  has(name: string): boolean {
    const value = this.post.get(name);
    return value !== undefined && value !== '';
  }

  int(name: string): number {
    return toInt(this.post.get(name));
  }

  /** '' when not given, or given as an array. */
  text(name: string): string {
    const value = this.post.get(name);
    return typeof value === 'string' ? value : '';
  }

  flag(name: string): boolean {
    return isTrue(this.post.get(name));
  }

  /** Whether a tri-state switch was given, and how. */
  triState(name: string): boolean | undefined {
    return this.has(name) ? this.flag(name) : undefined;
  }
}

/** limitstart and limitnum over rows: WHMCS's paging, 25 to a page. */
export function page<T>(call: Call, rows: T[]): { start: number; rows: T[]; isLast: boolean } {
  const { params, switches } = call;
  const start = Math.max(0, params.int('limitstart'));
  const asked = params.int('limitnum');
  let size = asked > 0 ? asked : 25;
  if (switches.largestPage > 0) size = Math.min(size, switches.largestPage);
  return { start, rows: rows.slice(start, start + size), isLast: start + size >= rows.length };
}
