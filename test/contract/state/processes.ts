/** Starts the processes of the contract's tests, hears them, and sees them end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { EngineUnderTest } from './engine-under-test';

export interface ChildOrders {
  place: string;
  instance: string;
  script: 'saga' | 'intake' | 'hold' | 'takeAndDie' | 'takeAndEnd';
  killAt?: string;
  from?: number;
}

const running = new Set<ChildProcess>();

export class Child {
  readonly lines: string[] = [];
  private readonly ended: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  private waiting: (() => void)[] = [];

  constructor(private readonly process: ChildProcess) {
    running.add(process);
    this.ended = once(process, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    void this.ended.then(() => {
      running.delete(process);
      this.wake();
    });
    let rest = '';
    process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
      this.wake();
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** The first line that begins so, once it has been said. */
  async said(beginning: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((one) => one.startsWith(beginning));
      if (line !== undefined) return line.slice(beginning.length).trim();
      if (!running.has(this.process))
        throw new Error(`It ended without saying "${beginning}": ${this.lines.join('; ')}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Waits until it has said this many lines. */
  async saidLines(count: number): Promise<void> {
    while (this.lines.length < count && running.has(this.process))
      await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }

  /** How it ended: its signal, or its exit code. */
  async end(): Promise<NodeJS.Signals | number | null> {
    const [code, signal] = await this.ended;
    return signal ?? code;
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

export function startChild(engine: Pick<EngineUnderTest, 'childModule'>, orders: ChildOrders): Child {
  const whole = { killAt: null, from: 1, ...orders, module: engine.childModule };
  return new Child(
    spawn(process.execPath, ['--require', 'tsx/cjs', join(__dirname, 'child.ts'), JSON.stringify(whole)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
}

/** For `afterEach`: no process outlives its test. */
export async function killChildren(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    }),
  );
}
