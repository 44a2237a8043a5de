/** Node-RED's input event, made safe: a handler that rejects would end the whole process. */
import type { Node } from 'node-red';

export type Send = (message: unknown) => void;
export type Done = (error?: Error) => void;

/** Calls `handle` for each message. Whatever it throws goes to `done`, as an Error. */
export function onInput(
  node: Node,
  handle: (message: Record<string, unknown>, send: Send, done: Done) => Promise<void>,
): void {
  // Three parameters, or Node-RED takes the message as done by itself.
  node.on('input', (message, send, done) => {
    handle(message as unknown as Record<string, unknown>, send as Send, done).catch((error: unknown) =>
      done(asError(error)),
    );
  });
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
