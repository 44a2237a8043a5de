import assert from 'node:assert/strict';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { json, silence, StandIn, text, turnUntil, type Reply } from './stand-in';

const none = json({ result: 'success', totalresults: 0, orders: '' });
const cut: Reply = (response) => {
  response.writeHead(200, { 'content-length': '900' });
  response.write('{"result":"success"');
  setImmediate(() => response.destroy());
};

describe('a read from WHMCS', () => {
  let server: StandIn;
  beforeEach(async () => void (server = await StandIn.start()));
  afterEach(() => server.close());

  const ended = async (promise: Promise<unknown>): Promise<WhmcsError['end']> => {
    const error = await turnUntil(server.clock, promise).then(
      () => assert.fail('it did not fail'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof WhmcsError, String(error));
    return error.end;
  };

  it('is tried again, three times in all, after what may pass', async () => {
    server.replies = [text('<h1>Bad gateway</h1>', 502), cut, none];
    const page = await turnUntil(server.clock, server.connect().getOrders({ id: 1 }));
    assert.deepEqual(page, { total: 0, start: 0, orders: [] });
    assert.equal(server.requests.length, 3);
  });

  it('waits between its tries, longer each time', async () => {
    server.replies = [text('', 503)];
    await assert.rejects(turnUntil(server.clock, server.connect().getOrders({ id: 1 })));
    const [first = 0, second = 0, third = 0] = server.requests.map(({ at }) => at);
    assert.ok(second - first >= 200, `${second - first} ms`);
    assert.ok(third - second >= 400, `${third - second} ms`);
    assert.equal(server.requests.length, 3);
  });

  it('tells whether WHMCS can be reached, by the last call alone, and an answer that says no is one', async () => {
    const whmcs = server.connect();
    assert.equal(whmcs.reachable, null);
    server.replies = [text('<h1>Bad gateway</h1>', 502)];
    await ended(whmcs.getOrders({ id: 1 }));
    assert.equal(whmcs.reachable, false);
    server.replies = [json({ result: 'error', message: 'Authentication Failed' })];
    await ended(whmcs.getOrders({ id: 1 }));
    assert.equal(whmcs.reachable, true);
    server.replies = [silence];
    const reading = whmcs.getOrders({ id: 1 });
    reading.catch(() => undefined);
    whmcs.close();
    await assert.rejects(reading);
    assert.equal(whmcs.reachable, true, 'that we gave up says nothing of WHMCS');
  });

  it('says of a refused address that it was let in before, where that is not ten minutes ago', async () => {
    const whmcs = server.connect();
    const said = async (): Promise<string> => (await ended(whmcs.getOrders({ id: 1 }))).message;
    const refused = json({ result: 'error', message: 'Invalid IP 203.0.113.9' });
    server.replies = [refused];
    assert.doesNotMatch(await said(), /let us in/);
    server.replies = [none];
    await turnUntil(server.clock, whmcs.getOrders({ id: 1 }));
    server.replies = [refused];
    await server.clock.advance(590_000);
    assert.match(await said(), /Invalid IP 203\.0\.113\.9.*; 590 s before it let us in/);
    await server.clock.advance(20_000);
    assert.doesNotMatch(await said(), /let us in/);
  });

  describe('of a WHMCS that has not answered for long', () => {
    const silentCalls = async (reading: Promise<unknown>): Promise<number> => {
      const error = await turnUntil(server.clock, reading).then(
        () => assert.fail('it did not fail'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof WhmcsError, String(error));
      return error.silentCalls;
    };
    const page = text('<h1>Bad gateway</h1>', 502);

    it('says how many calls in a row, from the sixth on, writes among them; what we give up says nothing', async () => {
      const whmcs = server.connect();
      server.replies = [page];
      assert.equal(await silentCalls(whmcs.getOrders({ id: 1 })), 0);
      const tooLate = whmcs.cancelOrder(1, { sendBy: server.clock.monotonic() - 1 });
      assert.equal((await turnUntil(server.clock, tooLate)).kind, 'not-sent');
      const write = whmcs.cancelOrder(1, { sendBy: server.clock.monotonic() + 10_000 });
      assert.equal((await turnUntil(server.clock, write)).kind, 'unknown');
      server.replies = [text('<p>Down for maintenance</p>', 200)];
      assert.equal(await silentCalls(whmcs.getClient(1)), 8, 'three, one, three, and one that is about no order');
      assert.equal(server.requests.at(-1)?.fields.get('action'), 'WhmcsDetails');
      server.replies = [json({ result: 'error', message: 'Authentication Failed' })];
      assert.equal(await silentCalls(whmcs.getOrders({ id: 1 })), 0);
      server.replies = [page];
      assert.equal(await silentCalls(whmcs.getOrders({ id: 1 })), 0, 'counted anew');
    });

    it('reads once more where WHMCS has come back just then', async () => {
      const whmcs = server.connect();
      server.replies = [page, page, page, page, page, page, json({ result: 'success' }), none];
      assert.equal(await silentCalls(whmcs.getOrders({ id: 1 })), 0);
      assert.deepEqual(await turnUntil(server.clock, whmcs.getOrders({ id: 2 })), { total: 0, start: 0, orders: [] });
    });

    it('does not say so where a call that is about no order is answered, if only by a no', async () => {
      const whmcs = server.connect();
      const no = json({ result: 'error', message: 'Invalid Permissions' });
      server.replies = [page, page, page, page, page, page, no, page];
      assert.equal(await silentCalls(whmcs.getOrders({ id: 1 })), 0);
      assert.equal(await silentCalls(whmcs.getOrders({ id: 2 })), 0);
      assert.equal(server.requests.length, 8, 'once more, since it may have come back');
    });
  });

  it('says how the last try ended', async () => {
    server.replies = [text('', 503)];
    assert.deepEqual(await ended(server.connect().getOrders({ id: 1 })), {
      kind: 'unknown',
      code: '503',
      message: 'HTTP 503: no words',
      edge: false,
    });
  });

  it('that is cut each time is unknown, and no firewall’s doing', async () => {
    server.replies = [cut];
    assert.deepEqual(await ended(server.connect().getOrders({ id: 1 })), {
      kind: 'unknown',
      code: 'ECONNRESET',
      message: 'the answer broke off',
      edge: false,
    });
  });

  it('finds no API where there is none: the address is wrong', async () => {
    server.replies = [text('<h1>Not Found</h1>', 404)];
    const end = await ended(server.connect().getOrders({ id: 1 }));
    assert.equal(end.kind === 'refused' && end.fault, 'address');
    assert.equal(server.requests.length, 1);
  });

  it('is not repeated where an answer says no: more failed logins could ban us', async () => {
    server.replies = [json({ result: 'error', message: 'Authentication Failed' }, 403)];
    const end = await ended(server.connect().getOrders({ id: 1 }));
    assert.deepEqual(end, { kind: 'refused', fault: 'credentials', message: 'Authentication Failed' });
    assert.equal(server.requests.length, 1);
  });

  it('ends at its time-out, by the clock that was passed in', async () => {
    server.replies = [silence];
    const reading = server.connect({ readTimeoutMs: 3_000 }).getOrders({ id: 1 });
    await server.seen(1);
    await server.clock.advance(2_900);
    assert.equal(server.openConnections, 1);
    const end = await ended(reading);
    assert.deepEqual([end.kind, 'code' in end && end.code], ['unknown', 'ETIMEOUT']);
    assert.equal(server.requests.length, 3);
  });

  it('says that nothing was sent where nobody listens', async () => {
    const { url } = server;
    await server.close();
    const end = await ended(server.connect({ url }).getOrders({ id: 1 }));
    assert.deepEqual([end.kind, 'code' in end && end.code], ['not-sent', 'ECONNREFUSED']);
    server = await StandIn.start();
  });

  it('says that nothing was sent where the name leads nowhere', async () => {
    const end = await ended(server.connect({ url: 'https://whmcs.invalid' }).getOrders({ id: 1 }));
    assert.equal(end.kind, 'not-sent');
    assert.match('code' in end ? end.code : '', /^(ENOTFOUND|EAI_AGAIN)$/);
  });

  it('stops at the caller’s word, with the caller’s reason', async () => {
    server.replies = [silence];
    const stop = new AbortController();
    const reading = server.connect().getOrders({ id: 1 }, stop.signal);
    await server.seen(1);
    stop.abort(new Error('the node closes'));
    await assert.rejects(reading, { message: 'the node closes' });
    assert.equal(server.clock.pending, 0);
  });

  it('stops between two tries, too', async () => {
    server.replies = [text('', 503)];
    const stop = new AbortController();
    const reading = server.connect().getOrders({ id: 1 }, stop.signal);
    await server.ended(1);
    stop.abort(new Error('the node closes'));
    await assert.rejects(reading, { message: 'the node closes' });
    assert.equal(server.requests.length, 1);
    assert.equal(server.clock.pending, 0);
  });

  it('takes no answer without an end', async () => {
    server.replies = [
      (response) => {
        response.on('error', () => undefined);
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024, 32)));
          if (!response.destroyed) response.once('drain', more);
        };
        more();
      },
    ];
    const end = await ended(server.connect().getOrders({ id: 1 }));
    assert.deepEqual([end.kind, 'code' in end && end.code], ['unknown', 'EMSGSIZE']);
  });

  it('keeps to the number of calls at once, and goes on in order', async () => {
    const held: (() => void)[] = [];
    server.replies = [(response, request) => void held.push(() => none(response, request))];
    const whmcs = server.connect({ maxParallel: 2 });
    const reads = [1, 2, 3, 4].map((id) => whmcs.getOrders({ id }));
    await server.seen(2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(server.requests.length, 2);
    held.shift()?.();
    await server.seen(3);
    held.shift()?.();
    await server.seen(4);
    for (const answer of held) answer();
    await Promise.all(reads);
    assert.deepEqual(
      server.requests.map((request) => request.fields.get('id')),
      ['1', '2', '3', '4'],
    );
  });

  it('ends when the connection is closed, and leaves nothing', async () => {
    server.replies = [silence];
    const whmcs = server.connect({ maxParallel: 1 });
    const reads = [whmcs.getOrders({ id: 1 }), whmcs.getOrders({ id: 2 })].map(ended);
    await server.seen(1);
    whmcs.close();
    for (const end of await Promise.all(reads))
      assert.deepEqual([end.kind, 'code' in end && end.code], ['not-sent', 'ECLOSED']);
    const after = await ended(whmcs.getOrders({ id: 3 }));
    assert.equal(after.kind, 'not-sent');
    assert.equal(server.clock.pending, 0);
    while (server.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(server.requests.length, 1);
  });

  it('tells once of an action that something is printed before its answers', async () => {
    server.replies = [text('<br />\n<b>Warning</b>: x in y on line 1<br />\n{"result":"success","totalresults":0}')];
    const whmcs = server.connect();
    await whmcs.getOrders({ id: 1 });
    await whmcs.getOrders({ id: 1 });
    assert.equal(server.lines.filter((line) => line.startsWith('warn')).length, 1);
  });
});
