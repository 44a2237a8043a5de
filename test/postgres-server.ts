/** A PostgreSQL of our own on loopback, in a temporary folder. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { freePort } from '../scripts/demo/node-red';

const readyMs = 30_000;
const initMs = 60_000;
const endMs = 10_000;

export interface PostgresServer {
  /** Of the superuser, with a password that tells itself apart: it must be shown nowhere. */
  readonly url: string;
  readonly port: number;
  /** Ends it at once and in order, and removes what it wrote. Idempotent. */
  stop(): Promise<void>;
  /** Ends it at once and in order; its files stay for `restart`. */
  stopOnly(): Promise<void>;
  /** On the same port and files. */
  restart(): Promise<void>;
}

export const postgresPassword = 'pa-55-word-of-postgres';

/**
 * Starts PostgreSQL and waits until it takes connections. It refuses to run as root: then it runs as `nobody`.
 * @throws with its last lines when it cannot start; where it is not installed, what to install.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = binaries();
  const directory = mkdtempSync(join(tmpdir(), 'postgres-'));
  const server = new OwnPostgres(bin, directory, await freePort());
  try {
    await server.initialise();
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The folder of initdb and postgres: Debian puts it beside the PATH. */
function binaries(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const found = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
  if (found === undefined) throw new Error('Install PostgreSQL (Debian: apt install postgresql).');
  return found;
}

/** Whom it runs as; null: as we do. */
function otherUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }).trim());
  return { uid: id('-u'), gid: id('-g') };
}

class OwnPostgres implements PostgresServer {
  private child: ChildProcess | null = null;
  private readonly user = otherUser();

  constructor(
    private readonly bin: string,
    private readonly directory: string,
    readonly port: number,
  ) {}

  get url(): string {
    return `postgres://tester:${postgresPassword}@127.0.0.1:${this.port}/postgres`;
  }

  async initialise(): Promise<void> {
    if (this.user) chownSync(this.directory, this.user.uid, this.user.gid);
    const passwordFile = join(this.directory, 'password');
    writeFileSync(passwordFile, postgresPassword, { mode: 0o600 });
    if (this.user) chownSync(passwordFile, this.user.uid, this.user.gid);
    const words = ['-D', this.data, '--username=tester', `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    words.push('--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions');
    await promisify(execFile)(join(this.bin, 'initdb'), words, { ...this.as, timeout: initMs });
  }

  async restart(): Promise<void> {
    await this.end();
    const words = ['-D', this.data, '-p', String(this.port), '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'];
    const child = spawn(join(this.bin, 'postgres'), [...words, '-c', 'unix_socket_directories='], {
      ...this.as,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child = child;
    const last: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new Error(`PostgreSQL was not ready:\n${last.join('\n')}`));
      const limit = setTimeout(fail, readyMs);
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (last.push(line) > 20) last.shift();
        if (line.includes('ready to accept connections')) {
          clearTimeout(limit);
          resolve();
        }
      });
      child.once('error', reject);
      child.once('close', () => {
        clearTimeout(limit);
        fail();
      });
    });
  }

  async stop(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true, force: true });
  }

  stopOnly(): Promise<void> {
    return this.end();
  }

  private get data(): string {
    return join(this.directory, 'data');
  }

  private get as() {
    return { cwd: this.directory, env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' }, ...this.user };
  }

  private async end(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    // Fast: clients are cut off.
    child.kill('SIGINT');
    const hard = setTimeout(() => child.kill('SIGQUIT'), endMs);
    await gone;
    clearTimeout(hard);
  }
}
