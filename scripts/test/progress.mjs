/** What a person sees while the parts run: one moving line on a terminal, now and then a line elsewhere. */
import process from 'node:process';

const QUIET_MS = 30_000;

export class Progress {
  #running = new Map();
  #isTerminal = process.stdout.isTTY;
  #ticker = setInterval(
    () => this.#isTerminal || this.#running.size === 0 || console.log(`… ${this.#line()}`),
    QUIET_MS,
  );

  counted(name, { passed, failed, total }) {
    this.#running.set(name, `${name} ${passed + failed} of ${total}${failed ? `, ${failed} failed` : ''}`);
    if (this.#isTerminal) process.stdout.write(`\r\x1b[2K${this.#line()}`);
  }

  partEnded(name, { passed, failed, seconds, output }) {
    this.#running.delete(name);
    if (this.#isTerminal) process.stdout.write('\r\x1b[2K');
    if (output.trim()) console.log(output.trimEnd().replace(/^/gm, '  '));
    console.log(`${failed ? 'FAILED' : 'ok'}  ${name}: ${passed} passed, ${failed} failed in ${seconds.toFixed(1)} s`);
  }

  end() {
    clearInterval(this.#ticker);
  }

  #line() {
    return [...this.#running.values()].join(' · ').slice(0, (process.stdout.columns ?? 120) - 1);
  }
}
