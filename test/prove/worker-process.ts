/** A worker as its parent has it: started, heard, told, ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { said, type Said, type Told, type WorkerOptions } from './orders-to-worker';

const startMs = 30_000;
const stopTries = 500;

export class WorkerProcess {
  readonly errors: string[] = [];
  private readonly child: ChildProcess;
  private readonly gone: Promise<unknown>;
  private answer: ((line: Extract<Said, { is: 'rests' }>) => void) | null = null;
  /** Resolved once it takes work, or is gone. */
  readonly ready: Promise<void>;

  /** @param file where its options are put for it to read. */
  constructor(
    bundle: string,
    nodePath: string,
    file: string,
    options: WorkerOptions,
    private readonly hear: (line: Said, worker: WorkerProcess) => void,
    /** code null: by a signal. */
    onExit: (worker: WorkerProcess, code: number | null) => void,
  ) {
    writeFileSync(file, JSON.stringify(options), { mode: 0o600 });
    this.child = spawn(process.execPath, ['--no-warnings', bundle, file], {
      env: { ...process.env, NODE_PATH: nodePath, NODE_COMPILE_CACHE: `${bundle}.cache` },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.gone = once(this.child, 'exit');
    this.ready = new Promise((resolve) => {
      const limit = setTimeout(resolve, startMs);
      const done = (): void => {
        clearTimeout(limit);
        resolve();
      };
      void this.gone.then(done);
      this.lines('stdout', (line) => {
        const heard = said.parse(JSON.parse(line));
        if (heard.is === 'ready') done();
        else if (heard.is === 'rests') this.answer?.(heard);
        else this.hear(heard, this);
      });
    });
    this.lines('stderr', (line) => this.errors.push(line));
    this.child.stdin?.on('error', () => undefined);
    this.child.once('exit', (code) => onExit(this, code));
  }

  private lines(of: 'stdout' | 'stderr', take: (line: string) => void): void {
    const stream = this.child[of];
    if (stream) createInterface({ input: stream }).on('line', take);
  }

  get lives(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  tell(line: Told): void {
    if (this.lives) this.child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** '' : nothing is left to do. A worker that is stopped does not answer. */
  async rests(withinMs: number): Promise<string> {
    if (!this.lives) return 'it does not live';
    return new Promise((resolve) => {
      const limit = setTimeout(() => resolve('it does not answer'), withinMs);
      this.answer = (line) => {
        clearTimeout(limit);
        resolve(line.why);
      };
      this.tell({ do: 'say whether you rest' });
    });
  }

  /** Ends a stop. One that says it stops may not have done so yet. */
  async goOn(): Promise<void> {
    for (let tried = 0; this.lives && tried < stopTries; tried++) {
      if (isStopped(this.child.pid)) return void this.child.kill('SIGCONT');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(): Promise<void> {
    if (!this.lives) return;
    this.child.kill('SIGKILL');
    await this.gone;
  }
}

/** The state of a process is the word after its name, which may hold brackets. */
function isStopped(pid: number | undefined): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
}
