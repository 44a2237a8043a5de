/** A simulator with an app and a user whose key the tests hold, and the clients that talk to it. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { Connection } from 'jsforce';
import {
  startSalesforceSimulator,
  type SalesforceOptions,
  type SalesforceSimulator,
} from '../../../../simulators/salesforce/server';

export const consumerKey = '3MVG9.consumer.key';
export const username = 'integration@acme.example';
export const audience = 'https://login.salesforce.com';
export const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

export function start(options: Partial<SalesforceOptions> = {}): Promise<SalesforceSimulator> {
  const publicKeyPem = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return startSalesforceSimulator({ consumerKey, username, publicKeyPem, ...options });
}

export interface Claims {
  iss?: string;
  sub?: string;
  aud?: string;
  /** Seconds from now. */
  expiresIn?: number;
}

export async function assertion(claims: Claims = {}, key: KeyObject = keys.privateKey, alg = 'RS256'): Promise<string> {
  return new SignJWT({
    iss: claims.iss ?? consumerKey,
    sub: claims.sub ?? username,
    aud: claims.aud ?? audience,
    exp: Math.floor(Date.now() / 1000) + (claims.expiresIn ?? 180),
  })
    .setProtectedHeader({ alg })
    .sign(key);
}

export interface TokenAnswer {
  status: number;
  headers: Headers;
  body: Record<string, string>;
}

export async function askToken(sim: SalesforceSimulator, form: Record<string, string>): Promise<TokenAnswer> {
  const response = await fetch(`${sim.url}/services/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, string>,
  };
}

export const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export async function login(sim: SalesforceSimulator): Promise<{ token: string; instanceUrl: string; id: string }> {
  const { body } = await askToken(sim, { grant_type: grantType, assertion: await assertion() });
  return { token: body.access_token ?? '', instanceUrl: body.instance_url ?? '', id: body.id ?? '' };
}

/** jsforce, logged in by JWT as its documentation says. */
export async function jsforceConnection(sim: SalesforceSimulator): Promise<Connection> {
  const connection = new Connection({ loginUrl: sim.url, version: '68.0' });
  await connection.authorize({ grant_type: grantType, assertion: await assertion() });
  return connection;
}

export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
  json: unknown;
}

/** A REST call with nothing between us and the wire. */
export async function rest(
  sim: SalesforceSimulator,
  token: string,
  path: string,
  init: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<RestAnswer> {
  const response = await fetch(`${sim.url}/services/data/v68.0${path}`, {
    method: init.method ?? 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
    ...(init.body === undefined ? {} : { body: typeof init.body === 'string' ? init.body : JSON.stringify(init.body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** First error of a REST answer. */
export function errorOf(answer: RestAnswer): { errorCode: string; message: string; fields?: string[] } {
  const [first] = answer.json as { errorCode: string; message: string; fields?: string[] }[];
  if (!first) throw new Error(`no error in ${answer.text}`);
  return first;
}
