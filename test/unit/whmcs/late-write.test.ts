import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { json, StandIn } from './stand-in';

const sendByMs = 1_000;
/** Well past it. */
const pausedMs = 1_500;
/** Enough on a busy machine. */
const ampleMs = 15_000;

interface Line {
  calling?: true;
  stopping?: true;
  end?: { kind: string; code?: string };
  sending?: boolean;
}

class Sender {
  readonly lines: Line[] = [];
  readonly child: ChildProcess;
  private readonly over: Promise<void>;
  private heard: () => void = () => undefined;

  constructor(url: string, sendBy: number, mode: 'stop' | 'go') {
    const script = path.join(__dirname, 'paused-sender.ts');
    this.child = spawn(process.execPath, ['--require', 'tsx/cjs', script, url, String(sendBy), mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.over = new Promise((resolve) => this.child.once('close', () => resolve()));
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      this.heard();
    });
  }

  async says(key: keyof Line): Promise<void> {
    while (!this.lines.some((line) => line[key])) await new Promise<void>((resolve) => (this.heard = resolve));
  }

  async pause(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, pausedMs));
    this.child.kill('SIGCONT');
  }

  async end(): Promise<Line | undefined> {
    await this.over;
    return this.lines.find((line) => line.end);
  }
}

describe('a process that was paused while it connected', function () {
  this.timeout(60_000);
  let server: StandIn;
  let sender: Sender;
  afterEach(async () => {
    sender.child.kill('SIGKILL');
    await server.close();
  });

  for (const secure of [false, true]) {
    const over = secure ? 'https' : 'http';

    it(`sends over ${over} when it was not paused`, async () => {
      server = await StandIn.start({ secure });
      server.replies = [json({ result: 'success', orderid: 1 })];
      sender = new Sender(server.url, ampleMs, 'go');
      const line = await sender.end();
      assert.equal(line?.end?.kind, 'success');
      assert.equal(server.requests.length, 1);
    });

    it(`does not send over ${over} when it goes on too late`, async () => {
      server = await StandIn.start({ secure });
      sender = new Sender(server.url, sendByMs, 'stop');
      await sender.says('stopping');
      await sender.pause();
      const line = await sender.end();
      assert.deepEqual([line?.end?.kind, line?.end?.code, line?.sending], ['not-sent', 'ESENDBY', false]);
      assert.equal(server.requests.length, 0);
    });
  }

  it('does not send when the pause came in the middle of the TLS handshake', async () => {
    server = await StandIn.start({ secure: true });
    const target = new URL(server.url);
    const sockets: Socket[] = [];
    let reached: (socket: Socket) => void = () => undefined;
    const front = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined));
      reached(socket);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    try {
      const reachedFront = new Promise<Socket>((resolve) => (reached = resolve));
      sender = new Sender(`https://127.0.0.1:${(front.address() as AddressInfo).port}`, sendByMs, 'go');
      const socket = await reachedFront;
      // Its greeting has come; ours waits until it is paused.
      await new Promise((resolve) => socket.once('readable', resolve));
      sender.child.kill('SIGSTOP');
      const inner = connect(Number(target.port), target.hostname).on('error', () => undefined);
      sockets.push(inner);
      socket.pipe(inner).pipe(socket);
      await sender.pause();
      const line = await sender.end();
      assert.deepEqual([line?.end?.kind, line?.end?.code, line?.sending], ['not-sent', 'ESENDBY', false]);
      assert.equal(server.requests.length, 0);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => front.close(() => resolve()));
    }
  });
});
