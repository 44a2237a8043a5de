/** Where the demo runs: its port and its directory, taken only when nobody else has them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** Names the process that uses a directory; a directory without it is not ours. */
const pidFile = 'demo.pid';

/** @throws Error that says what to do. */
export async function refuseTakenPort(port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is in use, perhaps by another demo or Node-RED' : `cannot be used (${code})`;
    throw new Error(`Port ${port} ${why}. End that, or name another: npm run demo -- --port ${port + 1}`, {
      cause: error,
    });
  } finally {
    server.close();
  }
}

/**
 * Empties a directory, or makes it, and takes it for this process.
 * @throws Error that says what to do.
 */
export function takeDirectory(directory: string): void {
  const elsewhere = 'name another place: npm run demo -- --directory PATH';
  try {
    if (existsSync(directory) && readdirSync(directory).length > 0) {
      const pid = ownerOf(directory);
      if (pid === null) throw new Error(`${directory} is not empty and not the demo's: ${elsewhere}`);
      if (isRunning(pid))
        throw new Error(`Another demo (process ${pid}) runs in ${directory}: end it, or ${elsewhere}`);
      rmSync(directory, { recursive: true, force: true });
    }
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, pidFile), String(process.pid));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(`The demo keeps its files in ${directory}, which cannot be written (${code}): ${elsewhere}`, {
      cause: error,
    });
  }
}

/** Leaves a directory to whoever comes next, with all that is in it to be looked at. */
export function leaveDirectory(directory: string): void {
  writeFileSync(join(directory, pidFile), '');
}

function ownerOf(directory: string): number | null {
  const path = join(directory, pidFile);
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : null;
}

function isRunning(pid: number): boolean {
  try {
    return pid > 0 && pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
