/** Child processes of the demo: started, watched until they are ready, ended with it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const readyMs = 60_000;
const endMs = 12_000;
/** Within which a signal to all processes of a terminal has reached each. */
const sameSignalMs = 1_000;

export interface Running {
  child: ChildProcess;
  stop(): Promise<void>;
}

export interface StartOptions {
  /** As whom it runs; none: as we do. */
  uid?: number | undefined;
  /** Ends it while it starts. */
  signal?: AbortSignal | undefined;
}

/**
 * Starts a Node process and waits for a line that `ready` understands.
 * @throws with its last lines when it ends or is not ready within a minute; the signal's reason.
 */
export async function start<T>(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  ready: (line: string) => T | null,
  onLine: (line: string) => void = () => undefined,
  { uid, signal }: StartOptions = {},
): Promise<Running & { ready: T }> {
  signal?.throwIfAborted();
  const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
  const child = spawn(process.execPath, args, { env, stdio, ...(uid === undefined ? {} : { uid }) });
  const last: string[] = [];
  const found = new Promise<T>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${name} ${why}:\n${last.join('\n')}`));
    const limit = setTimeout(() => fail('was not ready within a minute'), readyMs);
    const take = (line: string): void => {
      last.push(line);
      if (last.length > 30) last.shift();
      onLine(line);
      const value = ready(line);
      if (value === null) return;
      clearTimeout(limit);
      resolve(value);
    };
    createInterface({ input: child.stdout }).on('line', take);
    createInterface({ input: child.stderr }).on('line', take);
    child.once('exit', (code, killedBy) => {
      clearTimeout(limit);
      const told = (): void => fail(`ended with ${killedBy ?? code}`);
      // Ctrl+C reaches it and us in any order: that we are interrupted is the better word.
      if (killedBy === null) told();
      else setTimeout(told, sameSignalMs);
    });
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const stop = (): Promise<void> => end(child);
  try {
    return { child, stop, ready: await found };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), endMs);
  await gone;
  clearTimeout(hard);
}
