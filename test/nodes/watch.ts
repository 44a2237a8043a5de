import { EventEmitter } from 'node:events';
import { hooks, log } from '@node-red/util';
import type { NodeAPI, NodeStatus } from 'node-red';
import type { Message } from '../../lib/provisioning/message';

/** One send to one wire. The message is the very one that the next node gets, or its template where it gets a copy. */
export interface Sent {
  from: string;
  port: number;
  to: string;
  message: Message;
}

/** One `done`. */
export interface Ended {
  node: string;
  message: Message;
  error: (Error & { code?: string }) | null;
}

export interface Line {
  level: 'error' | 'warn' | 'info' | 'debug';
  /** The node that wrote it. */
  node: string | undefined;
  text: string;
}

const levels: Record<number, Line['level']> = { 20: 'error', 30: 'warn', 40: 'info', 50: 'debug' };
const label = 'order-provisioning-tests';

/** What nodes send, end, show and log, as it happens. */
export class Watch {
  readonly sent: Sent[] = [];
  readonly ended: Ended[] = [];
  readonly statuses: { node: string; status: NodeStatus }[] = [];
  readonly lines: Line[] = [];
  private readonly told: string[] = [];
  private readonly handler = new EventEmitter();

  constructor(private readonly events: NodeAPI['events']) {
    this.handler.on('log', (entry: { level: number; id?: string; msg?: unknown }) => {
      const level = levels[entry.level];
      if (!level) return;
      const text = entry.msg instanceof Error ? entry.msg.message : String(entry.msg);
      this.lines.push({ level, node: entry.id, text });
      this.told.push(text, entry.msg instanceof Error ? (entry.msg.stack ?? '') : '');
    });
    log.addHandler(this.handler);
    hooks.add(`onSend.${label}`, (sends) => {
      for (const { source, destination, msg } of sends) {
        this.sent.push({ from: source.id, port: source.port, to: destination.id, message: msg as Message });
        this.told.push(JSON.stringify(msg));
      }
    });
    hooks.add(`onComplete.${label}`, ({ node, msg, error }) => {
      this.ended.push({ node: node.id, message: msg as Message, error: error ?? null });
      if (error) this.told.push(error.message, error.stack ?? '');
    });
    events.on('node-status', this.onStatus);
  }

  stop(): void {
    log.removeHandler(this.handler);
    hooks.remove(`*.${label}`);
    this.events.removeListener('node-status', this.onStatus);
  }

  /** Everything that a person could have read. */
  get shown(): string {
    return this.told.join('\n');
  }

  private readonly onStatus = ({ id, status }: { id: string; status?: NodeStatus }): void => {
    if (status === undefined) return;
    this.statuses.push({ node: id, status });
    this.told.push(JSON.stringify(status));
  };
}
