/** Ports of the gRPC server whose connections the simulator holds itself, so that it can reset one. */
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { type Server, type ServerCredentials, type ConnectionInjector } from '@grpc/grpc-js';

interface Port {
  listener: NetServer;
  injector: ConnectionInjector;
}

export class GrpcPorts {
  private readonly ports: Port[] = [];
  private readonly sockets = new Set<Socket>();

  constructor(private readonly server: Server) {}

  /** Listens on 127.0.0.1; 0 is any free port. Resolves with the port. */
  async listen(port: number, credentials: ServerCredentials): Promise<number> {
    const injector = this.server.createConnectionInjector(credentials);
    const listener = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      // A client that resets is no fault of ours.
      socket.on('error', () => undefined);
      injector.injectConnection(socket);
    });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', resolve);
    });
    this.ports.push({ listener, injector });
    return (listener.address() as AddressInfo).port;
  }

  /** Resets the connection whose far end is `peer` (address:port). */
  resetPeer(peer: string): void {
    for (const socket of this.sockets) {
      if (peer.endsWith(`:${socket.remotePort}`)) socket.resetAndDestroy();
    }
  }

  resetAll(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.server.forceShutdown();
    for (const { injector } of this.ports) injector.destroy();
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.ports.map(({ listener }) => new Promise((resolve) => listener.close(resolve))));
  }
}
