/**
 * What an answer of WHMCS means. Its HTTP status says little: errors come with 200, 400 and 403, successes with a PHP
 * warning before them, and what stands in front of WHMCS answers in its place. So the body is read first.
 */
import type { CallEnd } from './contract';
import type { Json, JsonObject } from '../json';
import type { Answer } from './exchange';
import { decodeEntities, oneLine, pageText } from './html-text';
import { configFault, isRefusal } from './known-texts';

/** @param writes whether the action has an effect: then an answer that could come from anywhere proves nothing. */
export function readAnswer(action: string, { status, headers, body }: Answer, writes: boolean): CallEnd<JsonObject> {
  const leadsOn = status >= 300 && status < 400;
  if (leadsOn && !writes) return { kind: 'refused', fault: 'address', message: elsewhere(status, headers['location']) };
  const found = findObject(body);
  if (found !== null) return readObject(action, status, found, writes);
  // A hook that sends its caller on does so after WHMCS has done its work.
  if (leadsOn)
    return { kind: 'unknown', code: String(status), message: elsewhere(status, headers['location']), edge: false };
  return noObject(status, headers, body, writes);
}

function readObject(action: string, status: number, { object, degraded }: Found, writes: boolean): CallEnd<JsonObject> {
  const result = wordOf(object['result']);
  const warning = textOf(object['warning']);
  if (result === 'success') return { kind: 'success', value: object, warning, degraded };
  const message = textOf(object['message']) ?? warning ?? textOf(object['error']);
  // Proxies answer JSON too. What WHMCS itself says has a result, or on a few paths a status or a warning alone.
  const fromWhmcs = result !== null || (status < 500 && (wordOf(object['status']) === 'error' || warning !== null));
  const fault = message === null ? null : configFault(action, status, message);
  if (fault !== null && (fromWhmcs || (status < 500 && !writes))) {
    return { kind: 'refused', fault, message: configMessage(action, fault, message ?? '') };
  }
  if (!fromWhmcs && status >= 300) {
    return { kind: 'unknown', code: String(status), message: `HTTP ${status}: ${message ?? 'no words'}`, edge: false };
  }
  const isError = result === 'error' || (result === null && wordOf(object['status']) === 'error');
  if (isError && message !== null && isRefusal(action, message)) return { kind: 'refused', fault: 'business', message };
  return { kind: 'unclear', message: message ?? 'WHMCS answered neither success nor error' };
}

function configMessage(action: string, fault: string, text: string): string {
  switch (fault) {
    case 'ip':
      return `${text} (the address from which WHMCS sees this server; it is not on its list)`;
    case 'role':
      return /\baction\b/i.test(text) ? text : `${text} (${action}: the API user's admin role or API role lacks it)`;
    case 'action':
      return `This WHMCS has no action ${action}: ${text}`;
    case 'address':
      return `${text}: the call arrived without its fields; WHMCS is not at this address, or something on the way drops them`;
    default:
      return text;
  }
}

function elsewhere(status: number, location: string | undefined): string {
  const target = location !== undefined && URL.canParse(location) ? new URL(location) : null;
  const where = target ? ` to ${target.origin}${target.pathname}` : '';
  return `HTTP ${status}: the WHMCS address leads on${where}; set the address that it leads to`;
}

function noObject(status: number, headers: Record<string, string>, body: string, writes: boolean): CallEnd<JsonObject> {
  const unknown = (code: string, message: string, edge = false): CallEnd<JsonObject> => ({
    kind: 'unknown',
    code,
    message,
    edge,
  });
  if (isEdge(status, headers, body)) {
    const ray = headers['cf-ray'] ? ` (cf-ray ${oneLine(headers['cf-ray'], 40)})` : '';
    return unknown(String(status), `HTTP ${status} from a firewall before WHMCS${ray}: ${said(body)}`, true);
  }
  if (!writes && (status === 404 || status === 405))
    return {
      kind: 'refused',
      fault: 'address',
      message: `HTTP ${status}: there is no WHMCS API at this address; set the base URL of WHMCS`,
    };
  if (status >= 400) return unknown(String(status), `HTTP ${status}: ${said(body)}`);
  if (body.trim() === '') return unknown(status === 200 ? 'EMPTY' : String(status), `HTTP ${status} without a body`);
  if (/down for maintenance|maintenance mode/i.test(body)) return unknown('MAINTENANCE', `Maintenance: ${said(body)}`);
  if (/^\s*[{[]/.test(body)) return unknown('CUT', 'The answer is not whole');
  return /<(!doctype|html|body|div|p)\b/i.test(body)
    ? unknown('HTML', `A web page instead of an answer: ${said(body)}`)
    : unknown('NOT_JSON', `No JSON: ${said(body)}`);
}

const said = (body: string): string => pageText(body) || 'no words';

/**
 * A firewall or bot check in front of WHMCS, which itself says 403 in JSON. `server: cloudflare` alone tells nothing: its
 * 5xx are about the server behind it.
 */
function isEdge(status: number, headers: Record<string, string>, body: string): boolean {
  if (headers['cf-mitigated'] !== undefined || status === 403) return true;
  return /<title>\s*(just a moment|attention required!)/i.test(body.slice(0, 20_000));
}

interface Found {
  object: JsonObject;
  /** Something stood before it. */
  degraded: boolean;
}

/**
 * The object that the body holds. A byte order mark, or what PHP or a hook printed before it, is passed over: then the
 * object must begin a line, reach to the end, and have a result.
 */
function findObject(body: string): Found | null {
  const text = body.replace(/^\uFEFF+/, '').trim();
  const whole = parsed(text);
  if (whole !== undefined) return isObject(whole) ? { object: whole, degraded: false } : null;
  let tries = 0;
  for (const start of text.matchAll(/^[^\S\n]*\uFEFF?\{/gm)) {
    if (++tries > 50) break;
    const rest = parsed(text.slice(start.index).replace(/^\s*\uFEFF?/, ''));
    if (rest !== undefined && isObject(rest) && Object.hasOwn(rest, 'result')) return { object: rest, degraded: true };
  }
  return null;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const wordOf = (value: Json | undefined): string | null =>
  typeof value === 'string' ? value.trim().toLowerCase() : null;

function textOf(value: Json | undefined): string | null {
  if (typeof value !== 'string' || value.trim() === '') return null;
  return oneLine(decodeEntities(value.replace(/<[^>]*>/g, ' ')));
}
