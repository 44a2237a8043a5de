/**
 * What an answer of the Streaming API means. Its errors are `code:arguments:words` (Streaming API Developer Guide, "Streaming
 * API Error Codes" and "Handling Streaming API Errors"); the advice that comes along differs in the field and is not relied
 * on: every refusal ends the client.
 */
import type { HttpResponse } from 'jsforce/core';
import type { NoAnswer } from '../http';
import { mayNotRead, noSuchChannel } from './pubsub-faults';
import { StreamFault } from './stream-fault';
import type { Reply, Request } from './streaming-messages';

export const unknownClient = 'UNKNOWN_CLIENT';

/** The fault in the answers to a request, if there is one. An answer that nobody asked for, or none, is one too. */
export function faultIn(replies: readonly Reply[], request: Request, channel: string): StreamFault | null {
  const refused = replies.find((one) => one.successful === false || one.error !== undefined);
  if (refused) return refusal(refused, channel);
  const metas = replies.filter((one) => one.data === undefined);
  const stray = metas.find((one) => one.channel !== request.channel || String(one.id) !== request.id);
  if (stray) return unexpected(`Salesforce answered ${request.channel} with ${stray.channel ?? 'no channel'}`);
  const answer = metas.find((one) => one.successful === true);
  if (!answer) return unexpected(`Salesforce did not answer ${request.channel}`);
  if (request.channel === '/meta/handshake' && answer.clientId === undefined)
    return unexpected('Salesforce shook hands without naming the client');
  const reconnect = answer.advice?.reconnect ?? 'retry';
  if (reconnect !== 'retry') return unexpected(`Salesforce advised "${reconnect}"`);
  return null;
}

const unexpected = (message: string): StreamFault => new StreamFault('temporary', 'UNEXPECTED_ANSWER', message);

function refusal(reply: Reply, channel: string): StreamFault {
  const error = (reply.error ?? 'refused without a word').trim().slice(0, 300);
  const code = /^(\d{3}):/.exec(error)?.[1] ?? 'REFUSED';
  const reason = reply.ext?.sfdc?.failureReason ?? '';
  if (code === '401' || reason.startsWith('401:')) return new StreamFault('auth', code, `${error} ${reason}`.trim());
  if (/the replayId \{.*\} you provided was invalid/i.test(error)) return new StreamFault('corrupted', code, error);
  if (/unknown client/i.test(error))
    return new StreamFault('temporary', unknownClient, `Salesforce has forgotten the client (${error})`);
  if (/limit exceeded/i.test(error)) return new StreamFault('limit', code, error);
  if (/API version/i.test(error))
    return new StreamFault('misconfigured', code, `Salesforce does not take the API version: ${error}`);
  if (reply.channel === '/meta/subscribe') return subscribeRefusal(code, error, channel);
  // A handshake that policy denies: too many clients, most likely.
  if (code === '403' && reply.channel === '/meta/handshake') return new StreamFault('limit', code, error);
  return new StreamFault('temporary', code, error);
}

function subscribeRefusal(code: string, error: string, channel: string): StreamFault {
  if (/doesn.t exist|does not exist|channel name|leading '\/'/i.test(error))
    return noSuchChannel(channel, 'NOT_FOUND', error);
  if (code === '403') return mayNotRead(channel, error);
  return new StreamFault('temporary', code, error);
}

/** An answer that is no Bayeux: a page for people, an empty body, a proxy's word. */
export function faultOfHttp({ statusCode }: HttpResponse, host: string): StreamFault {
  const message = `${host} answered ${statusCode} and no Bayeux message`;
  return new StreamFault(statusCode === 401 ? 'auth' : 'temporary', String(statusCode), message);
}

/** No whole answer came. One who shook hands and then says nothing any more is silent. */
export function faultOfNoAnswer(error: NoAnswer, request: Request): StreamFault {
  const silent = error.code === 'ETIMEOUT' && request.channel !== '/meta/handshake';
  return new StreamFault(silent ? 'silent' : 'temporary', silent ? 'SILENT' : error.code, error.message, {
    cause: error,
  });
}
