import { type FastifyReply } from 'fastify';
import { type CommonDo } from './faults';
import { type VirtualClock } from './virtual-clock';

/** What the work answers when nothing goes wrong. */
export interface Answer {
  status: number;
  /** Names in lower case; content-length is added. */
  headers: Record<string, string>;
  body: string;
}

/** What became of a call: `status` 0 when no answer was sent. */
export interface Ending {
  status: number;
  outcome: string;
}

/** Time a client has to read what was written before RST throws it away. */
const READ_BEFORE_RESET_MS = 30;

/**
 * Serves one call over HTTP under the fault that strikes it, or none.
 *
 * Work that is due is done to its end even if the client has gone, as PHP does.
 * @param next the next fault for this very call; asked again after a delay.
 * @param work does the call. If it throws, the client sees 500 with the error's text: a defect of the simulator.
 */
export async function serve(
  reply: FastifyReply,
  clock: VirtualClock,
  next: () => CommonDo | null,
  work: () => Promise<Answer>,
): Promise<Ending> {
  reply.hijack();
  const done = (): Promise<Answer> => work().catch(defect);
  let fault = next();
  while (fault?.kind === 'delay') {
    await clock.pause(fault.ms);
    fault = next();
  }
  if (fault === null) {
    const answer = await done();
    send(reply, answer);
    return { status: answer.status, outcome: '' };
  }
  const struck = (status: number): Ending => ({ status, outcome: `fault: ${fault.kind}` });
  switch (fault.kind) {
    case 'refuse':
      reply.raw.socket?.destroy();
      return struck(0);
    case 'reset':
      abort(reply);
      return struck(0);
    case 'hang':
      return struck(0);
    case 'status':
      send(reply, { status: fault.status, headers: fault.headers ?? {}, body: fault.body ?? '' });
      return struck(fault.status);
    case 'html': {
      if (fault.commit) await done();
      const page = htmlPage(fault.page);
      send(reply, { ...page, status: fault.status ?? page.status });
      return struck(fault.status ?? page.status);
    }
    case 'cut': {
      const answer = await done();
      const body = Buffer.from(answer.body);
      reply.raw.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
      reply.raw.flushHeaders();
      reply.raw.write(body.subarray(0, fault.bytes), () =>
        setTimeout(() => abort(reply), READ_BEFORE_RESET_MS).unref(),
      );
      return struck(answer.status);
    }
    case 'commitThenDrop':
      await done();
      abort(reply);
      return struck(0);
    case 'commitThenHang':
      await done();
      return struck(0);
    case 'commitLate':
      abort(reply);
      clock.after(fault.ms, () => void done());
      return struck(0);
    case 'prefix': {
      const answer = await done();
      send(reply, { ...answer, body: fault.text + answer.body });
      return struck(answer.status);
    }
    case 'empty':
      if (fault.commit) await done();
      send(reply, { status: 200, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: '' });
      return struck(200);
    case 'json':
      send(reply, {
        status: fault.status ?? 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fault.body),
      });
      return struck(fault.status ?? 200);
  }
}

function send(reply: FastifyReply, answer: Answer): void {
  if (reply.raw.destroyed) return;
  const body = Buffer.from(answer.body);
  reply.raw.writeHead(answer.status, { ...answer.headers, 'content-length': body.length });
  reply.raw.end(body);
}

/** Ends the connection by RST. */
function abort(reply: FastifyReply): void {
  reply.raw.socket?.resetAndDestroy();
}

function defect(error: unknown): Answer {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: 500, headers: { 'content-type': 'text/plain' }, body: `simulator defect: ${text}` };
}

const html = { 'content-type': 'text/html; charset=UTF-8' };

/** Pages as they stand between a client and JSON: the vendor's own, a proxy's, a challenge. */
function htmlPage(page: 'maintenance' | 'oops' | 'cloudflare' | 'badGateway'): Answer {
  switch (page) {
    case 'maintenance':
      return {
        status: 503,
        headers: html,
        body: '<!DOCTYPE html><html><head><title>Down for Maintenance</title></head><body><h1>Down for Maintenance (Err 3)</h1><p>An upgrade is currently in progress... Please come back soon...</p></body></html>',
      };
    case 'oops':
      return {
        status: 500,
        headers: html,
        body: "<!DOCTYPE html><html><head><title>Oops!</title></head><body><h1>Oops!</h1><h2>Something went wrong and we couldn't process your request.</h2><p>Please go back to the previous page and try again.</p></body></html>",
      };
    case 'cloudflare':
      return {
        status: 403,
        headers: { ...html, server: 'cloudflare', 'cf-mitigated': 'challenge', 'cf-ray': '8f1a2b3c4d5e6f70-FRA' },
        body: '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><noscript>Enable JavaScript and cookies to continue</noscript></body></html>',
      };
    case 'badGateway':
      return {
        status: 502,
        headers: { ...html, server: 'nginx' },
        body: '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>',
      };
  }
}
