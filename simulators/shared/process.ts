import { parseArgs } from 'node:util';

/** Anything that main.ts runs: an address and an end. */
export interface Runs {
  url: string;
  close(): Promise<void>;
}

/**
 * Runs a simulator as its own process: arguments, one JSON line when ready, a clean end on SIGTERM and SIGINT.
 * @param names arguments that take a value, without dashes, such as `port`; others are refused.
 * @param start gets the arguments given; starts the simulator. Further plain fields of `ready` go into the ready line.
 */
export async function runAsProcess(
  names: readonly string[],
  start: (given: Readonly<Record<string, string | undefined>>) => Promise<{ running: Runs; ready?: object }>,
): Promise<void> {
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
  });
  const given: Record<string, string | undefined> = {};
  for (const name of names) {
    const value = values[name];
    if (typeof value === 'string') given[name] = value;
  }
  const { running, ready } = await start(given);
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    void running.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.stdout.write(`${JSON.stringify({ ready: true, url: running.url, ...ready })}\n`);
}

/**
 * A port argument: 0 (any free one) when not given.
 * @throws when it is not a port.
 */
export function portOf(value: string | undefined): number {
  const port = Number(value ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`"${value}" is not a port`);
  return port;
}
