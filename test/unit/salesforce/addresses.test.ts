import assert from 'node:assert/strict';
import { isLoopback, parseEndpoint, secureBase } from '../../../lib/salesforce/addresses';
import { deriveAudience } from '../../../lib/salesforce/audience';

describe('The audience of a login URL', () => {
  const expected: [string, string][] = [
    ['https://login.salesforce.com', 'https://login.salesforce.com'],
    ['https://login.salesforce.com/', 'https://login.salesforce.com'],
    ['https://test.salesforce.com', 'https://test.salesforce.com'],
    ['https://acme.my.salesforce.com', 'https://login.salesforce.com'],
    ['https://acme-dev-ed.develop.my.salesforce.com', 'https://login.salesforce.com'],
    ['https://acme--uat.sandbox.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://acme--uat.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://dream-wave-123.scratch.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://cs12.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://acme.my.site.com/portal/', 'https://acme.my.site.com/portal'],
    ['http://127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['http://localhost:4000/', 'http://localhost:4000'],
  ];
  for (const [url, audience] of expected)
    it(`of ${url} is ${audience}`, () => assert.equal(deriveAudience(url), audience));
});

describe('Addresses', () => {
  it('are spoken to without TLS on loopback alone', () => {
    for (const host of ['127.0.0.1', '127.8.9.10', 'localhost', '[::1]', '::1'])
      assert.equal(isLoopback(host), true, host);
    for (const host of ['127.0.0.1.evil.example', 'localhost.example', '10.0.0.1', 'acme.example'])
      assert.equal(isLoopback(host), false, host);
    assert.equal(secureBase('http://127.0.0.1:99/', 'x'), 'http://127.0.0.1:99');
    assert.throws(() => secureBase('http://acme.my.salesforce.com', 'The login URL'), /must begin with https/);
    assert.throws(() => secureBase('acme', 'The login URL'), /The login URL is no URL/);
  });

  it('of Pub/Sub are host:port, TLS unless on loopback, port 7443 by default', () => {
    assert.deepEqual(parseEndpoint('api.pubsub.salesforce.com'), {
      address: 'api.pubsub.salesforce.com:7443',
      plaintext: false,
    });
    assert.deepEqual(parseEndpoint('api.deu.pubsub.salesforce.com:443'), {
      address: 'api.deu.pubsub.salesforce.com:443',
      plaintext: false,
    });
    assert.deepEqual(parseEndpoint('https://api.pubsub.salesforce.com:7443'), {
      address: 'api.pubsub.salesforce.com:7443',
      plaintext: false,
    });
    assert.deepEqual(parseEndpoint('localhost:50051'), { address: 'localhost:50051', plaintext: true });
    assert.deepEqual(parseEndpoint('127.0.0.1:50051'), { address: '127.0.0.1:50051', plaintext: true });
    assert.deepEqual(parseEndpoint('https://localhost:50051'), { address: 'localhost:50051', plaintext: false });
    assert.deepEqual(parseEndpoint('http://acme.example:50051'), { address: 'acme.example:50051', plaintext: false });
    assert.throws(() => parseEndpoint('host:port'));
    assert.throws(() => parseEndpoint(''));
  });
});
