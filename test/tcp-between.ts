/** Stands between a client and a server on loopback, and loses or holds up what goes through. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Pair {
  client: Socket;
  server: Socket;
  held: Buffer[];
}

export class TcpBetween {
  private readonly pairs = new Set<Pair>();
  private losing = false;
  private holding = false;
  /** Answers that were lost. */
  lost = 0;

  private constructor(
    private readonly listener: Server,
    private to: number,
  ) {}

  static async open(to: number): Promise<TcpBetween> {
    const listener = createServer();
    const between = new TcpBetween(listener, to);
    listener.on('connection', (client) => between.take(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return between;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** Leads new connections to another port, as a name does that was set anew; those that stand stay. */
  leadTo(port: number): void {
    this.to = port;
  }

  /** The next answer is lost, and its connection with it; the request went through. */
  loseNextAnswer(): void {
    this.losing = true;
  }

  /** From now on requests lie on the way, while their connections are cut at the client's end. */
  holdRequests(): void {
    this.holding = true;
  }

  get heldBytes(): number {
    let sum = 0;
    for (const { held } of this.pairs) for (const bytes of held) sum += bytes.length;
    return sum;
  }

  /** The client's connections end; what it has sent is still on the way. */
  cutClients(): void {
    this.holding = false;
    for (const { client } of this.pairs) client.destroy();
  }

  /** What was held arrives. */
  async deliverLate(): Promise<void> {
    for (const { server, held } of this.pairs) for (const bytes of held.splice(0)) server.write(bytes);
    // What arrived before these bytes is read before them.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async close(): Promise<void> {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
    this.listener.close();
    await once(this.listener, 'close');
  }

  private take(client: Socket): void {
    const server = connect(this.to, '127.0.0.1');
    const pair: Pair = { client, server, held: [] };
    this.pairs.add(pair);
    client.on('data', (bytes: Buffer) => {
      if (this.holding) pair.held.push(bytes);
      else server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (this.losing) {
        this.losing = false;
        this.lost += 1;
        client.destroy();
      } else if (!client.destroyed) client.write(bytes);
    });
    client.on('close', () => {
      if (pair.held.length > 0) return;
      server.destroy();
      this.pairs.delete(pair);
    });
    server.on('close', () => {
      client.destroy();
      this.pairs.delete(pair);
    });
    client.on('error', () => undefined);
    server.on('error', () => undefined);
  }
}
