/** Node statuses: one writer a node, at most one a second, the newest wins. */
import type { Node, NodeStatus } from 'node-red';
import type { Timer } from '../../lib/clock';
import { time } from './registry';

const everyMs = 1_000;

export class StatusLine {
  private last = Number.NEGATIVE_INFINITY;
  private next: NodeStatus | null = null;
  private timer: Timer | null = null;

  constructor(private readonly node: Node) {}

  show(status: NodeStatus): void {
    const wait = this.last + everyMs - time.clock.monotonic();
    this.next = status;
    if (wait <= 0) return this.flush();
    this.timer ??= time.clock.after(wait, () => this.flush());
  }

  close(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  private flush(): void {
    this.timer?.cancel();
    this.timer = null;
    if (this.next === null) return;
    this.node.status(this.next);
    this.next = null;
    this.last = time.clock.monotonic();
  }
}
