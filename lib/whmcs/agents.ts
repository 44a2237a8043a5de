/**
 * Connections that are handed to a request only once they stand, TLS included.
 *
 * Node hands a socket over while it is still connecting and writes the request the moment it stands; then a process that
 * was paused meanwhile sends a request whose caller was told long ago that it had timed out. Here the request waits, and
 * a gate is asked last of all (exactly-one R1).
 */
import { Agent as HttpAgent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';

/** The connection never came to carry a request: not one byte of it has left. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
  constructor(
    /** ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED …, or the gate's own. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Gate {
  /** Asked when the connection stands, just before the first byte: an error keeps the request from being sent. */
  open(): NotConnected | null;
  /** Ends a connection that is still being made. */
  readonly signal?: AbortSignal;
}

export const alwaysOpen: Gate = { open: () => null };

export interface ConnectionOptions extends Pick<AgentOptions, 'keepAlive' | 'maxSockets'> {
  /** PEM of the authorities to be trusted instead of the system's. */
  ca?: string;
}

type Done = (error: Error | null, socket: Duplex) => void;

/** An agent for http or https whose connections pass the gate. Proxies of the environment are not used. */
export function gatedAgent(secure: boolean, { ca, ...options }: ConnectionOptions, gate: Gate): HttpAgent {
  return secure ? new SecureAgent({ ...options, ...(ca ? { ca } : {}) }, gate) : new PlainAgent(options, gate);
}

class PlainAgent extends HttpAgent {
  constructor(
    options: AgentOptions,
    private readonly gate: Gate,
  ) {
    super(options);
  }

  override createConnection(options: ClientRequestArgs, done?: Done): undefined {
    handOver(() => super.createConnection(options), 'connect', this.gate, done);
  }
}

class SecureAgent extends HttpsAgent {
  constructor(
    options: AgentOptions & { ca?: string },
    private readonly gate: Gate,
  ) {
    super(options);
  }

  override createConnection(options: RequestOptions, done?: Done): undefined {
    handOver(() => super.createConnection(options), 'secureConnect', this.gate, done);
  }
}

function handOver(
  connect: () => Duplex | null | undefined,
  standing: 'connect' | 'secureConnect',
  gate: Gate,
  done: Done | undefined,
): void {
  if (done === undefined) throw new Error('A gated agent hands its connections over by callback only');
  // Node takes no socket beside an error, whatever its types say.
  const fail = done as (error: Error) => void;
  let socket: Duplex;
  try {
    const made = connect();
    if (!made) throw new Error('no connection');
    socket = made;
  } catch (error) {
    return fail(notConnected(error));
  }
  const over = (): void => {
    socket.off(standing, onStanding).off('error', onError).off('close', onClose);
    gate.signal?.removeEventListener('abort', onAbort);
  };
  const giveUp = (error: NotConnected): void => {
    over();
    socket.destroy();
    fail(error);
  };
  const onError = (error: Error): void => giveUp(notConnected(error));
  const onClose = (): void => giveUp(new NotConnected('ECONNRESET', 'the connection was closed before it stood'));
  const onAbort = (): void => giveUp(new NotConnected('EABORTED', 'given up before the connection stood'));
  const onStanding = (): void => {
    const closed = asked(gate);
    if (closed) return giveUp(closed);
    over();
    done(null, socket);
  };
  // Stays: an error without a listener would end the process.
  socket.on('error', () => undefined);
  socket.once(standing, onStanding).once('error', onError).once('close', onClose);
  gate.signal?.addEventListener('abort', onAbort, { once: true });
  if (gate.signal?.aborted) onAbort();
}

function asked(gate: Gate): NotConnected | null {
  try {
    return gate.open();
  } catch (error) {
    return notConnected(error);
  }
}

function notConnected(error: unknown): NotConnected {
  // Where a name has several addresses Node tries each, and its error has no words of its own.
  const shown = error instanceof AggregateError && error.message === '' ? (error.errors[0] as unknown) : error;
  const code = codeOf(error) ?? codeOf(shown) ?? 'ECONNECT';
  return new NotConnected(code, shown instanceof Error ? shown.message : String(shown));
}

export const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
