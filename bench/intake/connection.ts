/** Our connection to the simulated org, as a bench process is told of it. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../lib/clock';
import { silentLog } from '../../lib/log';
import { createSalesforce } from '../../lib/salesforce/connection';
import { consumerKey, username } from '../../test/soak/org';

export const channel = '/event/OrderProvisionRequested__e';

/** From the arguments: URL, Pub/Sub endpoint, file of the private key, events that wait. */
export function connect() {
  const [url = '', pubsub = '', keyFile = '', events = ''] = process.argv.slice(2);
  const salesforce = createSalesforce({
    loginUrl: url,
    audience: 'https://login.salesforce.com',
    clientId: consumerKey,
    username,
    privateKey: { pem: readFileSync(keyFile, 'utf8') },
    clock: systemClock,
    log: silentLog,
  });
  return { salesforce, pubsub, events: Number(events) };
}
