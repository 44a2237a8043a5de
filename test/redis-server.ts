/** A Redis of our own on loopback, as a store needs it: appended to disk, and evicting nothing. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../scripts/demo/node-red';
import { testCertificate, testKey } from './unit/whmcs/test-certificate';

const readyMs = 15_000;
const endMs = 5_000;
const tries = 5;

export interface RedisOptions {
  /** Further arguments, each a word, such as `['--maxmemory', '4mb']`; a later one overrules. */
  args?: readonly string[];
  /** Of the default user. */
  password?: string;
  /** TLS alone, with a certificate for 127.0.0.1 that `ca` has signed. */
  tls?: boolean;
  /** Port of the master on loopback; with `password` it is the master's too. */
  replicaOf?: number;
  /** Default: a free one. */
  port?: number;
  /** Default: a folder of its own, which `stop` removes. */
  directory?: string;
}

export interface RedisServer {
  /** With the password in it, where there is one. */
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  /** PEM of the authority, where it speaks TLS. */
  readonly ca: string | undefined;
  /** null: it does not run. */
  readonly pid: number | null;
  /** Ends it in good order and removes what it wrote. Idempotent. */
  stop(): Promise<void>;
  /** Ends it in good order; its files stay for `restart`. */
  stopOnly(): Promise<void>;
  /** `kill -9`; its files stay for `restart`. */
  kill(): Promise<void>;
  /** SIGSTOP: it takes connections and answers none. */
  pause(): void;
  /** SIGCONT */
  resume(): void;
  /** On the same port and files, whether it still runs (then SIGTERM first) or not. `wipe`: without the files. */
  restart(how?: { wipe?: boolean; args?: readonly string[] }): Promise<void>;
}

/**
 * Starts redis-server and waits until it takes connections.
 * @throws with its last lines when it cannot start; where it is not installed, what to install.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'redis-'));
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    try {
      return await OwnRedis.start(port, directory, options);
    } catch (error) {
      // Somebody else took the port meanwhile.
      const taken = String(error).includes('Address already in use');
      if (options.port === undefined && taken && attempt < tries) continue;
      if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }
}

class OwnRedis implements RedisServer {
  private child: ChildProcess | null = null;

  private constructor(
    readonly port: number,
    readonly directory: string,
    private readonly options: RedisOptions,
  ) {}

  static async start(port: number, directory: string, options: RedisOptions): Promise<OwnRedis> {
    const redis = new OwnRedis(port, directory, options);
    await redis.run(options.args ?? []);
    return redis;
  }

  get url(): string {
    const { password, tls } = this.options;
    const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    return `${tls ? 'rediss' : 'redis'}://${login}127.0.0.1:${this.port}`;
  }

  get ca(): string | undefined {
    return this.options.tls ? testCertificate : undefined;
  }

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    if (this.options.directory === undefined) rmSync(this.directory, { recursive: true, force: true });
  }

  stopOnly(): Promise<void> {
    return this.end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  async restart({ wipe = false, args = [] }: { wipe?: boolean; args?: readonly string[] } = {}): Promise<void> {
    await this.end('SIGTERM');
    if (wipe) rmSync(join(this.directory, 'appendonlydir'), { recursive: true, force: true });
    await this.run([...(this.options.args ?? []), ...args]);
  }

  private async run(args: readonly string[]): Promise<void> {
    const child = await spawned([...this.words(), ...args]);
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) this.child = null;
    });
  }

  private words(): string[] {
    const { password, tls, replicaOf } = this.options;
    const words = ['--bind', '127.0.0.1', '--dir', this.directory, '--save', '', '--appendonly', 'yes'];
    words.push('--maxmemory-policy', 'noeviction', '--daemonize', 'no');
    // A replica is synchronised at once, not after the five seconds in which others might ask too.
    words.push('--repl-diskless-sync-delay', '0');
    words.push('--port', tls ? '0' : String(this.port));
    if (tls) words.push(...this.tlsWords());
    if (password !== undefined) words.push('--requirepass', password, '--masterauth', password);
    if (replicaOf !== undefined) words.push('--replicaof', `127.0.0.1 ${replicaOf}`);
    return words;
  }

  private tlsWords(): string[] {
    const certificate = join(this.directory, 'certificate.pem');
    const key = join(this.directory, 'key.pem');
    writeFileSync(certificate, testCertificate);
    writeFileSync(key, testKey, { mode: 0o600 });
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
    return ['--tls-port', String(this.port), ...files, '--tls-auth-clients', 'no', '--tls-replication', 'yes'];
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child) await end(child, signal);
  }
}

/** Runs redis-server until it says that it is ready. */
async function spawned(words: readonly string[]): Promise<ChildProcess> {
  const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const last: string[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`redis-server was not ready:\n${last.join('\n')}`)), readyMs);
      const take = (line: string): void => {
        if (last.push(line) > 20) last.shift();
        if (!line.includes('Ready to accept connections')) return;
        clearTimeout(limit);
        resolve();
      };
      createInterface({ input: child.stdout }).on('line', take);
      createInterface({ input: child.stderr }).on('line', take);
      child.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(limit);
        reject(error.code === 'ENOENT' ? new Error('Install redis-server (Debian: apt install redis-server).') : error);
      });
      // Not exit: what it said last is read first.
      child.once('close', () => {
        clearTimeout(limit);
        reject(new Error(`redis-server ended:\n${last.join('\n')}`));
      });
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  // One that is paused takes SIGTERM only when it goes on.
  child.kill('SIGCONT');
  child.kill(signal);
  const hard = setTimeout(() => child.kill('SIGKILL'), endMs);
  await gone;
  clearTimeout(hard);
}
