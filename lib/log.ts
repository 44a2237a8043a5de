/**
 * What lib says to the log. One line each: the words first, then the facts.
 *
 * No fact may hold a secret; a line about an order carries `order`, a line about an event carries `event`.
 */
export interface Log {
  debug(text: string, facts?: Facts): void;
  info(text: string, facts?: Facts): void;
  warn(text: string, facts?: Facts): void;
  error(text: string, facts?: Facts): void;
}

export type Facts = Record<string, string | number | boolean | null | undefined>;

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
