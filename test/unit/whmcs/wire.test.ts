import assert from 'node:assert/strict';
import { accessKey, identifier, json, secret, StandIn } from './stand-in';

const added = json({ result: 'success', orderid: 5012, serviceids: '9001', invoiceid: 0 });

describe('what WHMCS sees of a call', () => {
  let server: StandIn;
  beforeEach(async () => void (server = await StandIn.start()));
  afterEach(() => server.close());

  const soon = () => ({ sendBy: server.clock.monotonic() + 5_000 });

  it('is a form with the credentials that are set, and no empty ones', async () => {
    server.replies = [json({ result: 'success', totalresults: 0 })];
    await server.connect().getOrders({ clientId: 417 });
    const [request] = server.requests;
    assert.equal(request?.path, '/includes/api.php');
    assert.equal(request?.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.match(String(request?.headers['user-agent']), /^node-red-order-provisioning/);
    assert.equal(
      request?.body,
      `action=GetOrders&responsetype=json&identifier=${identifier}&secret=Secret%2BOf%2F32%3DSignsSecretOf32Signs&userid=417&limitstart=0&limitnum=25`,
    );
  });

  it('carries the access key, escaped, when there is one', async () => {
    server.replies = [json({ result: 'success', totalresults: 0 })];
    await server.connect({ accessKey }).getOrders({ id: 5 });
    await server.connect({ accessKey: '' }).getOrders({ id: 5 });
    assert.match(server.requests[0]?.body ?? '', /&accesskey=Key%23%5B1%5D%25&id=5&/);
    assert.doesNotMatch(server.requests[1]?.body ?? '', /accesskey/);
  });

  it('of AddOrder is one list a field, aligned, with yes as 1 and no left out', async () => {
    server.replies = [added];
    await server.connect().addOrder(
      {
        clientId: 417,
        paymentMethod: 'mailin',
        items: [
          { pid: 12, billingCycle: 'annually', quantity: 3, customFields: { 12: 'Škoda' } },
          { pid: 31, billingCycle: 'monthly', quantity: 1, priceOverride: '9.50' },
        ],
        notes: 'sfOrderId=801;i=ab-a1',
        noEmail: true,
        noInvoice: false,
        noInvoiceEmail: true,
      },
      soon(),
    );
    const body = server.requests[0]?.body ?? '';
    assert.equal(
      body.slice(body.indexOf('&clientid')),
      '&clientid=417&paymentmethod=mailin&pid%5B0%5D=12&pid%5B1%5D=31&qty%5B0%5D=3&qty%5B1%5D=1' +
        '&billingcycle%5B0%5D=annually&billingcycle%5B1%5D=monthly' +
        '&customfields%5B0%5D=YToxOntpOjEyO3M6NjoixaBrb2RhIjt9&customfields%5B1%5D=' +
        '&priceoverride%5B0%5D=&priceoverride%5B1%5D=9.50&notes=sfOrderId%3D801%3Bi%3Dab-a1&noinvoiceemail=1&noemail=1',
    );
  });

  it('of AddOrder has no quantities where each is one', async () => {
    server.replies = [added];
    const items = [{ pid: 12, billingCycle: 'monthly' as const, quantity: 1, configOptions: { 3: 5 } }];
    await server.connect().addOrder({ clientId: 417, paymentMethod: 'mailin', items }, soon());
    const body = server.requests[0]?.body ?? '';
    assert.doesNotMatch(body, /qty|domain|hostname|notes|noinvoice/);
    assert.equal(new URLSearchParams(body).get('configoptions[0]'), Buffer.from('a:1:{i:3;i:5;}').toString('base64'));
  });

  it('of AcceptOrder says no in so many words, since left out means "as the product is set up"', async () => {
    const whmcs = server.connect();
    await whmcs.acceptOrder({ orderId: 5012, autoSetup: true, sendEmail: false }, soon());
    const { fields } = server.requests[0] ?? {};
    assert.deepEqual([fields?.get('orderid'), fields?.get('autosetup'), fields?.get('sendemail')], ['5012', '1', '0']);
  });

  it('leaves what the caller passed as it was', async () => {
    server.replies = [added];
    const request = {
      clientId: 417,
      paymentMethod: 'mailin',
      items: [{ pid: 1, billingCycle: 'free' as const, quantity: 1 }],
    };
    const before = structuredClone(request);
    await server.connect().addOrder(request, soon());
    assert.deepEqual(request, before);
  });

  it('goes over one kept connection for reads, over one of its own for each write', async () => {
    server.replies = [json({ result: 'success', totalresults: 0 })];
    const whmcs = server.connect();
    await whmcs.getOrders({ id: 1 });
    await whmcs.getOrders({ id: 2 });
    await whmcs.cancelOrder(1, soon());
    await whmcs.moduleCreate(1, soon());
    await whmcs.getOrders({ id: 3 });
    const [first, second, third, fourth, fifth] = server.requests.map((request) => request.connection);
    assert.equal(first, second);
    assert.equal(first, fifth);
    assert.equal(new Set([first, third, fourth]).size, 3);
    assert.deepEqual(
      server.requests.map((request) => request.headers.connection),
      ['keep-alive', 'keep-alive', 'close', 'close', 'keep-alive'],
    );
  });

  it('does not follow a redirect, to which it would say the secret', async () => {
    const elsewhere = await StandIn.start();
    try {
      server.replies = [(response) => response.writeHead(307, { location: `${elsewhere.url}/includes/api.php` }).end()];
      await assert.rejects(server.connect().getOrders({ id: 1 }), { message: /leads on to http:\/\/127/ });
      const end = await server.connect().cancelOrder(1, soon());
      assert.equal(end.kind === 'unknown' && end.code, '307');
      assert.equal(elsewhere.requests.length, 0);
    } finally {
      await elsewhere.close();
    }
  });

  it('does not go through a proxy that the environment names', async () => {
    const proxy = await StandIn.start();
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = proxy.url;
    try {
      server.replies = [json({ result: 'success', totalresults: 0 })];
      await server.connect().getOrders({ id: 1 });
      await server.connect().cancelOrder(1, soon());
      assert.equal(server.requests.length, 2);
      assert.equal(proxy.connections, 0);
    } finally {
      if (before === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = before;
      await proxy.close();
    }
  });

  it('is encrypted, to a server that the given authority vouches for', async () => {
    const secure = await StandIn.start({ secure: true });
    try {
      secure.replies = [json({ result: 'success', totalresults: 0 })];
      assert.deepEqual(await secure.connect().getOrders({ id: 1 }), { total: 0, start: 0, orders: [] });
      const end = await secure.connect().cancelOrder(1, { sendBy: 5_000 });
      assert.equal(end.kind, 'success');
      assert.equal(secure.requests.length, 2);
    } finally {
      await secure.close();
    }
  });

  it('never is, where the certificate is not to be trusted', async () => {
    const secure = await StandIn.start({ secure: true });
    try {
      const end = await secure.connect({ ca: undefined } as object).cancelOrder(1, { sendBy: 5_000 });
      assert.deepEqual(
        { kind: end.kind, code: 'code' in end && end.code },
        { kind: 'not-sent', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      );
      assert.equal(secure.requests.length, 0);
    } finally {
      await secure.close();
    }
  });

  it('holds the secret; what we say of a failed call never does', async () => {
    server.replies = [(response, { body }) => response.writeHead(500).end(`<pre>POST ${body} ${secret}</pre>`)];
    const whmcs = server.connect({ accessKey, readTimeoutMs: 1_000 });
    const read = whmcs.getOrders({ id: 1 });
    let thrown: unknown;
    await Promise.all([
      read.catch((error: unknown) => (thrown = error)),
      (async () => {
        for (let tried = 1; tried <= 3; tried++) {
          await server.ended(tried);
          await server.clock.advance(1_000);
        }
      })(),
    ]);
    const written = await whmcs.cancelOrder(1, soon());
    const { inspect } = await import('node:util');
    const said = [
      inspect(thrown, { depth: 20, showHidden: true }),
      inspect(written),
      ...server.lines,
      String((thrown as Error).stack),
    ].join('\n');
    assert.match(said, /HTTP 500/);
    for (const hidden of [secret, encodeURIComponent(secret), identifier, accessKey, encodeURIComponent(accessKey)])
      assert.ok(!said.includes(hidden), hidden);
  });
});
