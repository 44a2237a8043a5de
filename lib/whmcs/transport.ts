/**
 * How calls reach WHMCS: in line, with credentials, and each kind in its own way.
 *
 * Reads share connections and are tried three times. A write is one request on a connection of its own; whether any of it
 * left is told apart strictly, since "not sent" allows another and "unknown" does not (exactly-one R1, R19).
 */
import type { Agent } from 'node:http';
import { pause, type Clock } from '../clock';
import type { JsonObject } from '../json';
import type { Log } from '../log';
import { alwaysOpen, gatedAgent } from './agents';
import { callBody, type Credentials } from './call-body';
import { WhmcsError, type CallEnd, type WriteOptions } from './contract';
import { readAnswer } from './envelope';
import { exchange, GivenUp } from './exchange';
import type { FormFields } from './form';
import { Line, type Turn } from './line';
import { WriteConnection } from './write-connection';

export interface TransportOptions {
  url: URL;
  credentials: Credentials;
  readTimeoutMs: number;
  writeTimeoutMs: number;
  maxParallel: number;
  ca?: string | undefined;
  clock: Clock;
  log: Log;
}

type Failed = Exclude<CallEnd<never>, { kind: 'success' }>;

const readTries = 3;
/** Calls in a row without an answer, up to which the fault may be one call's own (runbook: escalation paths). */
const fewUnanswered = 5;
const firstPauseMs = 400;
/** A refusal so long after a success is no matter of which address a call went out by. */
const lateSeconds = 600;

export class Transport {
  private readonly line: Line;
  private readonly secure: boolean;
  private readonly reads: Agent;
  private readonly closing = new AbortController();
  /** Monotonic ms of the last success; null: none yet. */
  private letInAt: number | null = null;
  /** Actions whose answers had something before them: told once each. */
  private readonly degraded = new Set<string>();
  private readonly secrets: string[];
  /** Calls in a row without an answer of WHMCS's own, as no firewall's page is; null: there was no call yet. */
  private unanswered: number | null = null;

  constructor(private readonly options: TransportOptions) {
    const { url, ca, maxParallel, clock, credentials } = options;
    this.secure = url.protocol === 'https:';
    this.line = new Line(maxParallel, clock);
    this.reads = gatedAgent(
      this.secure,
      { keepAlive: true, maxSockets: maxParallel, ...(ca === undefined ? {} : { ca }) },
      alwaysOpen,
    );
    const { identifier, secret, accessKey = '' } = credentials;
    this.secrets = [secret, accessKey, identifier]
      .flatMap((text) => [text, encodeURIComponent(text)])
      .filter((text) => text.length >= 4);
  }

  /** Whether the last call had an answer of WHMCS's own; null: there was no call yet. */
  get reachable(): boolean | null {
    return this.unanswered === null ? null : this.unanswered === 0;
  }

  /**
   * A call without an effect: the answer's object.
   * @throws WhmcsError after the last try, the signal's reason when it is aborted.
   */
  async read(action: string, fields: FormFields, signal?: AbortSignal): Promise<JsonObject> {
    const ends = this.ends(signal);
    try {
      for (let tried = 1; ; tried++) {
        ends.throwIfAborted();
        const end = await this.readOnce(action, fields, ends);
        ends.throwIfAborted();
        if (end.kind === 'success') return end.value;
        const mayPass = (end.kind === 'unknown' || end.kind === 'not-sent') && end.code !== 'EBUSY';
        if (!mayPass || tried >= readTries) {
          const wasSilent = this.isSilent;
          const silentCalls = wasSilent ? await this.silentCalls(ends) : 0;
          // It has come back just now.
          const isBack = wasSilent && silentCalls === 0 && mayPass;
          if (!isBack) throw new WhmcsError(action, end, silentCalls);
          continue;
        }
        await pause(this.options.clock, jittered(firstPauseMs * 2 ** (tried - 1)), ends);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof GivenUp ? new WhmcsError(action, notSent(error.code, error.message)) : error;
    }
  }

  /** A call with an effect: made once, never thrown from. */
  async write(action: string, fields: FormFields, options: WriteOptions): Promise<CallEnd<JsonObject>> {
    const { clock } = this.options;
    let turn: Turn | null;
    try {
      // Its intent is on record and its time runs out, so it goes beyond the limit rather than not at all.
      const withinMs = Math.max(0, (options.sendBy - clock.monotonic()) / 2);
      turn = await this.line.take({ ahead: true, withinMs, signal: this.ends(options.signal) });
    } catch {
      return notSent('EABORTED', 'not sent: given up before');
    }
    try {
      return await this.writeNow(action, fields, options);
    } finally {
      turn?.done();
    }
  }

  /** Ends reads and what stands in line. A write whose request has left runs on to its end: its answer is worth more. */
  close(): void {
    this.closing.abort(new GivenUp('ECLOSED', 'the connection to WHMCS was closed'));
    this.reads.destroy();
  }

  private ends(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([this.closing.signal, signal]) : this.closing.signal;
  }

  private get longestWaitMs(): number {
    return this.options.readTimeoutMs + this.options.writeTimeoutMs;
  }

  private async readOnce(action: string, fields: FormFields, signal: AbortSignal): Promise<CallEnd<JsonObject>> {
    const { url, clock, readTimeoutMs: timeoutMs } = this.options;
    const turn = await this.line.take({ ahead: false, withinMs: this.longestWaitMs, signal });
    if (turn === null) return busy();
    const from = clock.monotonic();
    try {
      const body = callBody(action, fields, this.options.credentials);
      const got = await exchange({ url, body, agent: this.reads, clock, timeoutMs, signal, handedOver: null });
      return this.ended(action, from, got, false);
    } finally {
      turn.done();
    }
  }

  private async writeNow(action: string, fields: FormFields, options: WriteOptions): Promise<CallEnd<JsonObject>> {
    const { url, ca, clock, writeTimeoutMs: timeoutMs } = this.options;
    const { sendBy, onSending, signal } = options;
    const closing = this.closing.signal;
    const connection = new WriteConnection({ secure: this.secure, ca, clock, sendBy, onSending, signal, closing });
    const from = clock.monotonic();
    try {
      const body = callBody(action, fields, this.options.credentials);
      const handedOver = (): boolean => connection.handedOver;
      const got = await exchange({
        url,
        body,
        agent: connection.agent,
        clock,
        timeoutMs,
        signal: connection.signal,
        handedOver,
      });
      return this.ended(action, from, got, true);
    } catch (error) {
      const message = this.clean(error instanceof Error ? error.message : String(error));
      return brokenEnd({ sent: connection.handedOver, code: 'ETHROWN', message });
    } finally {
      connection.end();
    }
  }

  private ended(
    action: string,
    from: number,
    got: Awaited<ReturnType<typeof exchange>>,
    writes: boolean,
  ): CallEnd<JsonObject> {
    const { clock, log } = this.options;
    const end = got.kind === 'answer' ? readAnswer(action, got.answer, writes) : brokenEnd(got);
    this.count(end);
    const facts = { action, ms: Math.round(clock.monotonic() - from), end: end.kind };
    if (end.kind === 'success') {
      this.letInAt = clock.monotonic();
      log.debug('WHMCS call', { ...facts, warning: end.warning === null ? undefined : this.clean(end.warning) });
      if (end.degraded && !this.degraded.has(action)) {
        this.degraded.add(action);
        log.warn('WHMCS prints something before its answer: look for PHP warnings, hooks and byte order marks', {
          action,
        });
      }
      return end;
    }
    const cleaned = { ...end, message: this.clean(end.message) + this.comesAndGoes(end) };
    log.debug('WHMCS call', { ...facts, message: cleaned.message });
    return cleaned;
  }

  /** A server with several addresses is let in now and then: where one of them is refused, that shows what is wrong. */
  private comesAndGoes(end: CallEnd<unknown>): string {
    if (end.kind !== 'refused' || end.fault !== 'ip' || this.letInAt === null) return '';
    const seconds = Math.round((this.options.clock.monotonic() - this.letInAt) / 1_000);
    return seconds > lateSeconds ? '' : `; ${seconds} s before it let us in, so it may know one of our addresses only`;
  }

  /** Too many calls in a row were not answered for it to be the fault of one of them. */
  private get isSilent(): boolean {
    return (this.unanswered ?? 0) > fewUnanswered;
  }

  /** What no call about one order shows: whether WHMCS answers nobody. Then so many calls in a row it has not; 0: it does. */
  private async silentCalls(signal: AbortSignal): Promise<number> {
    await this.readOnce('WhmcsDetails', {}, signal);
    return this.unanswered ?? 0;
  }

  private count(end: CallEnd<JsonObject>): void {
    if (isGivenUp(end)) return;
    const isSilent = end.kind === 'unknown' || end.kind === 'not-sent';
    this.unanswered = isSilent ? (this.unanswered ?? 0) + 1 : 0;
  }

  /** A page of an error may hold what was sent. */
  private clean(text: string): string {
    return this.secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text);
  }
}

/** We ended it: of WHMCS this says nothing. */
const isGivenUp = (end: CallEnd<unknown>): boolean =>
  (end.kind === 'unknown' || end.kind === 'not-sent') && ['EABORTED', 'ECLOSED', 'ESENDBY'].includes(end.code);

const notSent = (code: string, message: string): Failed => ({ kind: 'not-sent', code, message });
const busy = (): Failed => notSent('EBUSY', 'not sent: too many calls to WHMCS are waiting');

const brokenEnd = ({ sent, code, message }: { sent: boolean; code: string; message: string }): Failed =>
  sent ? { kind: 'unknown', code, message, edge: false } : notSent(code, message);

/** Between half and all of it. */
const jittered = (ms: number): number => Math.round(ms * (0.5 + Math.random() / 2));
