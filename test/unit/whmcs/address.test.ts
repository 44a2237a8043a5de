import assert from 'node:assert/strict';
import { AddressError, apiUrl, installationKey, orderLinks } from '../../../lib/whmcs/address';

describe('the address of WHMCS', () => {
  it('is the same from the base URL and from the whole address of api.php', () => {
    const expected = 'https://billing.example.com/whmcs/includes/api.php';
    for (const text of [
      'https://billing.example.com/whmcs',
      ' https://billing.example.com/whmcs/ ',
      'https://BILLING.example.com:443/whmcs//',
      'https://billing.example.com/whmcs/includes',
      'https://billing.example.com/whmcs/includes/api.php',
      'https://billing.example.com/whmcs/includes/api.php?x=1#y',
    ])
      assert.equal(apiUrl(text).href, expected, text);
    assert.equal(apiUrl('https://billing.example.com').pathname, '/includes/api.php');
  });

  it('is refused without TLS, but for this machine', () => {
    for (const text of [
      'http://billing.example.com',
      'http://10.0.0.5',
      'http://127.0.0.1.example.com',
      'http://0.0.0.0',
    ])
      assert.throws(() => apiUrl(text), AddressError, text);
    for (const text of ['http://127.0.0.1:8080', 'http://localhost', 'http://[::1]:99', 'http://127.9.9.9'])
      assert.equal(apiUrl(text).protocol, 'http:');
  });

  it('is refused when it is none, names a page, or holds a password, which it does not repeat', () => {
    for (const text of ['', 'billing.example.com', 'ftp://billing.example.com', 'https://b.example/clientarea.php'])
      assert.throws(() => apiUrl(text), AddressError, text);
    assert.throws(() => apiUrl('https://admin@billing.example.com'), AddressError);
    assert.throws(
      () => apiUrl('https://admin:hunter22@billing.example.com'),
      (error: unknown) => error instanceof AddressError && !error.message.includes('hunter22'),
    );
  });

  it('names the installation by scheme, host, port and path', () => {
    assert.equal(
      installationKey(apiUrl('https://billing.example.com/a')),
      'https://billing.example.com:443/a/includes/api.php',
    );
    assert.equal(installationKey(apiUrl('http://127.0.0.1')), 'http://127.0.0.1:80/includes/api.php');
  });

  it('links to an order in the admin area, where one is set', () => {
    const link = 'https://b.example/admin/orders.php?action=view&id=5012';
    assert.equal(orderLinks('https://b.example/admin/')(5012), link);
    assert.equal(orderLinks('https://b.example/admin/index.php')(5012), link);
    assert.equal(orderLinks(undefined)(5012), null);
    assert.equal(orderLinks(' ')(5012), null);
    assert.throws(() => orderLinks('javascript:alert(1)'), AddressError);
  });
});
