/** The Salesforce simulator: logins, REST, Pub/Sub and Streaming API of one org on loopback. Salesforce reference §6. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import fastify from 'fastify';
import { Ledger } from '../shared/ledger';
import { panelOf, registerPanel, type PanelParts, type Running } from '../shared/panel';
import { RequestLog } from '../shared/requests';
import { Switches } from '../shared/switches';
import { VirtualClock } from '../shared/virtual-clock';
import { Bus } from './bus';
import { selfSignedCertificate } from './certificate';
import { Cometd } from './cometd';
import { CometdFront } from './cometd-front';
import { salesforceFaults } from './faults';
import { GrpcPorts } from './grpc-ports';
import { HttpFront } from './http-front';
import { ConnectedApp } from './oauth';
import { Org } from './org';
import { panelRoutes } from './panel-routes';
import { People } from './people';
import { pubSubService } from './pubsub-messages';
import { PubSub } from './pubsub-service';
import { QueryRunner } from './query';
import { seed } from './seed';
import { Sessions } from './sessions';
import { refusals } from './pubsub-errors';
import { Streams } from './streams';
import { switchesOf, type SwitchValues } from './switches';

export interface SalesforceOptions {
  /** Of the one connected app. */
  consumerKey: string;
  /** Our run-as user. */
  username: string;
  /** The app's public key or certificate. */
  publicKeyPem: string;
  /** Further users who may log in. */
  otherUsers?: readonly string[];
  /** HTTP, Pub/Sub in plain text, Pub/Sub over TLS; 0 or none: any free port. */
  port?: number;
  grpcPort?: number;
  grpcTlsPort?: number;
  /** Wall ms at which the virtual clock starts; none: now. */
  startAt?: number;
  /** How many times as fast as real time the virtual clock runs; none: 1. */
  clockRate?: number;
}

export interface SalesforceSimulator extends Running<SwitchValues> {
  /** host:port of Pub/Sub in plain text, and over TLS. */
  pubsub: string;
  pubsubTls: string;
  tlsCertificatePem: string;
  /** The control surface's own part, in this process. */
  people: People;
}

/**
 * Starts the org on 127.0.0.1 with the demo's data.
 * @throws when a port is taken or the public key cannot be read.
 */
export async function startSalesforceSimulator(options: SalesforceOptions): Promise<SalesforceSimulator> {
  const clock = new VirtualClock(options.startAt, options.clockRate);
  const ledger = new Ledger(clock);
  const requests = new RequestLog(clock);
  const faults = salesforceFaults();
  const usernames = [options.username, ...(options.otherUsers ?? [])];
  const switches = new Switches<SwitchValues>(switchesOf(usernames));
  const bus = new Bus(clock, switches, ledger);
  const org = new Org(clock, switches, ledger, bus);
  let seeded = seed(org, usernames);
  const sessions = new Sessions(clock, switches);
  const streams = new Streams();
  const userOf = (username: string) => seeded.users.get(username) ?? null;
  const connectedApp = new ConnectedApp(options, userOf, sessions, clock, switches, ledger);
  const runner = new QueryRunner(org.records, () => clock.now());
  sessions.onRevoked = () => {
    for (const stream of [...streams.open]) if (stream.session.state === 'revoked') stream.refuse(refusals.auth);
  };

  const grpc = new Server();
  const ports = new GrpcPorts(grpc);
  const resetPeer = (peer: string) => ports.resetPeer(peer);
  const parts = { bus, clock, switches, ledger, sessions, streams, faults, requests, resetPeer };
  grpc.addService(pubSubService(), new PubSub(parts).implementation());
  const cometd = new Cometd(parts);
  const { certificatePem, keyPem } = selfSignedCertificate();
  const pair = { private_key: Buffer.from(keyPem), cert_chain: Buffer.from(certificatePem) };

  const people = new People({ org, bus, sessions, streams, cometd, app: connectedApp, ports, seeded: () => seeded });
  const panelParts: PanelParts<SwitchValues> = {
    title: 'Salesforce',
    ledger,
    requests,
    faults,
    switches,
    clock,
    resetData() {
      for (const stream of [...streams.open]) stream.refuse(refusals.unavailable);
      for (const part of [sessions, connectedApp, runner, streams, cometd]) part.clear();
      bus.restore();
      seeded = seed(org, usernames);
    },
  };
  const app = fastify({ forceCloseConnections: true, bodyLimit: 8 * 1024 * 1024 });
  let url = '';
  new HttpFront({ org, runner, app: connectedApp, sessions, faults, requests, base: () => url }).register(app);
  new CometdFront({ cometd, sessions, clock, faults, requests }).register(app);
  await registerPanel(app, panelParts, (scope) => panelRoutes(scope, people));

  const close = async () => {
    clock.close();
    await Promise.all([ports.close(), app.close()]);
    // Connections that went down set timers of their own.
    clock.close();
  };
  try {
    url = await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
    const plainPort = await ports.listen(options.grpcPort ?? 0, ServerCredentials.createInsecure());
    const tlsPort = await ports.listen(options.grpcTlsPort ?? 0, ServerCredentials.createSsl(null, [pair]));
    return {
      url,
      pubsub: `localhost:${plainPort}`,
      pubsubTls: `localhost:${tlsPort}`,
      tlsCertificatePem: certificatePem,
      panel: panelOf(panelParts),
      people,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
