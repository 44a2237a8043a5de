/**
 * The Salesforce simulator as its own process:
 * --consumer-key KEY --username NAME --public-key FILE [--port N] [--grpc-port N] [--grpc-tls-port N] [--other-users A,B]
 */
import { readFileSync } from 'node:fs';
import { portOf, runAsProcess } from '../shared/process';
import { startSalesforceSimulator } from './server';

const names = ['consumer-key', 'username', 'public-key', 'port', 'grpc-port', 'grpc-tls-port', 'other-users'];

void runAsProcess(names, async (given) => {
  const needed = (name: string): string => {
    const value = given[name];
    if (value === undefined) throw new Error(`--${name} is needed`);
    return value;
  };
  const running = await startSalesforceSimulator({
    consumerKey: needed('consumer-key'),
    username: needed('username'),
    publicKeyPem: readFileSync(needed('public-key'), 'utf8'),
    otherUsers: given['other-users']?.split(',') ?? [],
    port: portOf(given.port),
    grpcPort: portOf(given['grpc-port']),
    grpcTlsPort: portOf(given['grpc-tls-port']),
  });
  const { pubsub, pubsubTls, tlsCertificatePem } = running;
  return { running, ready: { pubsub, pubsubTls, tlsCertificatePem } };
});
