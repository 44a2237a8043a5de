/**
 * A connection for one write. Whether the request may leave is tested when the connection stands, just before the first
 * byte; before that moment the call can be given up as *not sent*, after it never (exactly-one R1).
 */
import type { Agent } from 'node:http';
import type { Clock, Timer } from '../clock';
import { gatedAgent, NotConnected } from './agents';
import { GivenUp } from './exchange';

export interface WriteConnectionOptions {
  secure: boolean;
  ca?: string | undefined;
  clock: Clock;
  /** Monotonic ms after which the first byte must not leave. */
  sendBy: number;
  onSending?: (() => void) | undefined;
  /** Ends the call at any time. */
  signal?: AbortSignal | undefined;
  /** Ends it for as long as nothing has left. */
  closing: AbortSignal;
}

export class WriteConnection {
  readonly agent: Agent;
  private readonly stop = new AbortController();
  private readonly timer: Timer;
  private sent = false;

  constructor(private readonly options: WriteConnectionOptions) {
    const { secure, ca, clock, sendBy, signal, closing } = options;
    const gate = { signal: this.stop.signal, open: () => this.open() };
    this.agent = gatedAgent(secure, { keepAlive: false, ...(ca === undefined ? {} : { ca }) }, gate);
    this.timer = clock.after(Math.max(0, sendBy - clock.monotonic()), this.onLate);
    signal?.addEventListener('abort', this.onAbort, { once: true });
    closing.addEventListener('abort', this.onClosing, { once: true });
    if (signal?.aborted) this.onAbort();
    if (closing.aborted) this.onClosing();
  }

  /** Aborted when the call is to end. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  /** The request has been handed over: from now on it may have reached WHMCS. */
  get handedOver(): boolean {
    return this.sent;
  }

  /** The call is over; a connection that is still being made ends too. */
  end(): void {
    this.timer.cancel();
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.options.closing.removeEventListener('abort', this.onClosing);
    this.stop.abort(new GivenUp('EABORTED', 'the call is over'));
    this.agent.destroy();
  }

  private open(): NotConnected | null {
    const { clock, sendBy, onSending } = this.options;
    if (this.stop.signal.aborted) return new NotConnected('EABORTED', 'not sent: given up before');
    if (clock.monotonic() > sendBy) return new NotConnected(late.code, late.message);
    onSending?.();
    this.sent = true;
    return null;
  }

  private readonly onAbort = (): void => this.stop.abort(new GivenUp('EABORTED', 'the call was given up'));
  private readonly onClosing = (): void => this.giveUpUnsent(this.options.closing.reason);
  private readonly onLate = (): void => this.giveUpUnsent(new GivenUp(late.code, late.message));

  private giveUpUnsent(reason: unknown): void {
    if (!this.sent) this.stop.abort(reason);
  }
}

const late = { code: 'ESENDBY', message: 'not sent: the instant by which it had to leave has passed' };
