/** What a Catch makes of an error, and what it may carry. */
import { failure, type Failure } from '../../lib/provisioning/failure';
import type { Message } from '../../lib/provisioning/message';

interface CaughtError {
  message?: unknown;
  source?: { name?: unknown; type?: unknown };
}

/** Whether a Catch has put `msg.error` on the message. */
export const isCaught = (message: Message): message is Message & { error: CaughtError } =>
  typeof message['error'] === 'object' && message['error'] !== null;

/**
 * A Catch copies the own `stack` and `cause` of an error to the message: file paths and a vendor's whole answer, for the
 * debug sidebar. The code says all of a failure that has one; of what nobody foresaw the stack is the only trace.
 */
export function forCatch(found: Failure): Failure {
  if (found.code === 'FLOW_ERROR') return found;
  delete found.stack;
  delete found.cause;
  return found;
}

/** After another node's error: a failure of the flow, unless a step's own is there. */
export function fromCatch(message: Message): void {
  if (message.failure !== undefined || !isCaught(message)) return;
  const { source, message: text } = message.error;
  const name = String(source?.name || source?.type || 'a node');
  message.failure = failure('FLOW_ERROR', `"${name}": ${String(text ?? 'failed')}`, 'event').part();
}
