import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';

describe('The Salesforce library', () => {
  it('loads neither jsforce nor gRPC before the first call', () => {
    const root = path.resolve(__dirname, '../../..');
    const script = `
      require('./lib/salesforce/connection').createSalesforce({
        loginUrl: 'https://login.salesforce.com', clientId: 'x', username: 'x', privateKey: { pem: '' },
        clock: require('./lib/clock').systemClock, log: require('./lib/log').silentLog,
      });
      require('./lib/salesforce/events/pubsub').createPubSubSubscriber({
        endpoint: 'localhost', channel: '/event/X__e', auth: {}, sink: {},
        clock: require('./lib/clock').systemClock, log: require('./lib/log').silentLog,
      });
      const loaded = Object.keys(require.cache);
      console.log(['jsforce', '@grpc', 'avsc'].filter((name) => loaded.some((file) => file.includes('node_modules/' + name))).join());
    `;
    const said = execFileSync(process.execPath, ['-r', 'tsx/cjs', '-e', script], { cwd: root, encoding: 'utf8' });
    assert.equal(said.trim(), '');
  });
});
