/** How far it is, on standard error: one line that moves in a terminal, a line now and then in a log. */
import type { CoverageProgress } from '../../lib/provisioning/coverage';

const everyMs = 5_000;

export function progressLine(
  out: { isTTY?: boolean; write(text: string): unknown },
  now: () => number = () => performance.now(),
) {
  let last = -Infinity;
  let isOpen = false;
  return {
    show({ checked, total, faulty }: CoverageProgress): void {
      const line = `${checked} of ${total} products checked, ${faulty} with faults`;
      if (out.isTTY) {
        out.write(`\r\u{1B}[K${line}`);
        isOpen = true;
      } else if (now() - last >= everyMs || checked >= total) {
        last = now();
        out.write(`${line}\n`);
      }
    },
    /** Before anything else is written. */
    end(): void {
      if (isOpen) out.write('\n');
      isOpen = false;
    },
  };
}
