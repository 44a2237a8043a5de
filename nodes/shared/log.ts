/** Node-RED's log as lib sees it: the words, then the facts as `name=value`. */
import type { Facts, Log } from '../../lib/log';

interface Sink {
  log(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  debug(text: string): void;
}

/**
 * Lines of a node. Errors are logged without a message: they are alarms, not failures of the message at hand, so they
 * must not reach a Catch.
 */
export function logOf(node: Sink): Log {
  return {
    debug: (text, facts) => node.debug(line(text, facts)),
    info: (text, facts) => node.log(line(text, facts)),
    warn: (text, facts) => node.warn(line(text, facts)),
    error: (text, facts) => node.error(line(text, facts)),
  };
}

function line(text: string, facts: Facts = {}): string {
  const told = Object.entries(facts).flatMap(([name, value]) =>
    value === undefined || value === null || value === '' ? [] : [`${name}=${word(String(value))}`],
  );
  return [text, ...told].join(' ');
}

const word = (value: string): string => (/^[\w.:/+=@-]+$/.test(value) ? value : JSON.stringify(value));
