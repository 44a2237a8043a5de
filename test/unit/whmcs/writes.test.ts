import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { CallEnd } from '../../../lib/whmcs/contract';
import { json, silence, StandIn, text, turnUntil, type Reply } from './stand-in';

const items = [{ pid: 12, billingCycle: 'monthly' as const, quantity: 1 }];
const order = { clientId: 417, paymentMethod: 'mailin', items };
const codeOf = (end: CallEnd<unknown>): string => `${end.kind} ${'code' in end ? end.code : ''}`.trim();

describe('a write to WHMCS', () => {
  let server: StandIn;
  beforeEach(async () => void (server = await StandIn.start()));
  afterEach(() => server.close());

  const soon = () => ({ sendBy: server.clock.monotonic() + 5_000 });

  describe('is made once', () => {
    const cut: Reply = (response) => {
      response.writeHead(200, { 'content-length': '900' });
      response.write('{"result":"success","orderid":5');
      setImmediate(() => response.destroy());
    };
    const unclearAnswers: [name: string, reply: Reply, end: string][] = [
      ['a 502', text('<h1>x</h1>', 502), 'unknown 502'],
      ['a 504', text('<h1>x</h1>', 504), 'unknown 504'],
      ['a 404', text('<h1>x</h1>', 404), 'unknown 404'],
      ['a cut answer', cut, 'unknown ECONNRESET'],
      ['JSON that is not whole', text('{"result":"success","orderid":5'), 'unknown CUT'],
      ['a dropped connection', (response) => response.destroy(), 'unknown ECONNRESET'],
      ['an empty answer', text(''), 'unknown EMPTY'],
      ['a challenge', text('<title>Just a moment...</title>', 403), 'unknown 403'],
      ['a warning alone', json({ warning: 'Invalid or Missing Payment Information' }), 'unclear'],
      ['a success without an order', json({ result: 'success' }), 'unclear'],
      ['a success with order 0', json({ result: 'success', orderid: 0 }), 'unclear'],
      ['a listed refusal', json({ result: 'error', message: 'Client ID Not Found' }), 'refused'],
    ];
    for (const [name, reply, end] of unclearAnswers) {
      it(`with ${name} as its answer: ${end}`, async () => {
        server.replies = [reply];
        assert.equal(codeOf(await server.connect().addOrder(order, soon())), end);
        await server.clock.advance(60_000);
        assert.equal(server.requests.length, 1);
      });
    }
  });

  it('tells what AddOrder made, in each form in which WHMCS says it', async () => {
    const forms: [answer: object, serviceIds: number[], invoiceId: number | null][] = [
      [{ orderid: 76, productids: '66', serviceids: '66', addonids: '', invoiceid: 70 }, [66], 70],
      [{ orderid: '76', productids: '66,67', invoiceid: '70' }, [66, 67], 70],
      [{ orderid: 76, serviceids: 66, invoiceid: 0 }, [66], null],
      [{ orderid: 76, serviceids: '', productids: '66', invoiceid: '' }, [], null],
      [{ orderid: 76, serviceids: '66', invoiceid: null }, [66], null],
      [{ orderid: 76 }, [], null],
    ];
    for (const [answer, serviceIds, invoiceId] of forms) {
      server.replies = [json({ result: 'success', ...answer })];
      const end = await server.connect().addOrder(order, soon());
      assert.deepEqual(end, {
        kind: 'success',
        value: { orderId: 76, serviceIds, invoiceId },
        warning: null,
        degraded: false,
      });
    }
  });

  it('is told of just before its first byte leaves', async () => {
    const told: number[] = [];
    server.replies = [json({ result: 'success', orderid: 1 })];
    await server.connect().addOrder(order, { ...soon(), onSending: () => void told.push(server.requests.length) });
    assert.deepEqual(told, [0]);
  });

  it('is not sent when nobody listens, and nobody is told that it was', async () => {
    const { url } = server;
    await server.close();
    let told = false;
    const end = await server.connect({ url }).addOrder(order, { ...soon(), onSending: () => (told = true) });
    assert.equal(codeOf(end), 'not-sent ECONNREFUSED');
    assert.equal(told, false);
    server = await StandIn.start();
  });

  it('is not sent where the name leads nowhere', async () => {
    const end = await server.connect({ url: 'https://whmcs.invalid' }).addOrder(order, soon());
    assert.match(codeOf(end), /^not-sent (ENOTFOUND|EAI_AGAIN)$/);
  });

  it('is not sent once its instant has passed', async () => {
    await server.clock.advance(10_000);
    let told = false;
    const end = await server.connect().addOrder(order, { sendBy: 9_999, onSending: () => (told = true) });
    assert.equal(codeOf(end), 'not-sent ESENDBY');
    assert.equal(told, false);
    assert.equal(server.requests.length, 0);
  });

  it('is not sent when it was given up before', async () => {
    const end = await server.connect().addOrder(order, { ...soon(), signal: AbortSignal.abort(new Error('closing')) });
    assert.equal(codeOf(end), 'not-sent EABORTED');
    assert.equal(server.requests.length, 0);
  });

  it('is not sent when what should be recorded before cannot be', async () => {
    const onSending = (): void => {
      throw new Error('no record');
    };
    const end = await server.connect().addOrder(order, { ...soon(), onSending });
    assert.equal(end.kind === 'not-sent' && end.message, 'no record');
    assert.equal(server.requests.length, 0);
    assert.equal(server.clock.pending, 0);
  });

  describe('whose TLS never stands', () => {
    let deaf: Server;
    let connected: Promise<void>;
    beforeEach(async () => {
      deaf = createServer();
      connected = new Promise((resolve) => deaf.once('connection', () => resolve()));
      await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    });
    afterEach(() => void deaf.close());
    const url = (): string => `https://127.0.0.1:${(deaf.address() as AddressInfo).port}`;

    it('is not sent, and is given up at its instant', async () => {
      const closed = new Promise((resolve) =>
        deaf.once('connection', (socket) =>
          socket
            .resume()
            .on('error', () => undefined)
            .on('close', resolve),
        ),
      );
      const writing = server.connect({ url: url() }).addOrder(order, soon());
      await connected;
      await server.clock.advance(4_999);
      let settled = false;
      void writing.then(() => (settled = true));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(settled, false);
      await server.clock.advance(1);
      assert.equal(codeOf(await writing), 'not-sent ESENDBY');
      await closed;
      assert.equal(server.clock.pending, 0);
    });

    it('is not sent when the connection is closed meanwhile', async () => {
      const whmcs = server.connect({ url: url() });
      const writing = whmcs.addOrder(order, soon());
      await connected;
      whmcs.close();
      assert.equal(codeOf(await writing), 'not-sent ECLOSED');
    });

    it('is not sent when its own time-out comes first', async () => {
      const whmcs = server.connect({ url: url(), writeTimeoutMs: 2_000 });
      const writing = whmcs.addOrder(order, soon());
      await connected;
      assert.equal(codeOf(await turnUntil(server.clock, writing)), 'not-sent ETIMEOUT');
    });

    it('is not sent when the caller gives it up', async () => {
      const stop = new AbortController();
      const writing = server.connect({ url: url() }).addOrder(order, { ...soon(), signal: stop.signal });
      await connected;
      stop.abort(new Error('closing'));
      assert.equal(codeOf(await writing), 'not-sent EABORTED');
    });
  });

  it('that was sent and not answered is unknown after its time-out, however late', async () => {
    server.replies = [silence];
    const writing = server.connect({ writeTimeoutMs: 60_000 }).addOrder(order, soon());
    await server.seen(1);
    await server.clock.advance(59_000);
    assert.equal(server.openConnections, 1);
    assert.equal(codeOf(await turnUntil(server.clock, writing)), 'unknown ETIMEOUT');
    assert.equal(server.clock.pending, 0);
  });

  it('that was sent and is given up is unknown', async () => {
    server.replies = [silence];
    const stop = new AbortController();
    const writing = server.connect().addOrder(order, { ...soon(), signal: stop.signal });
    await server.seen(1);
    stop.abort(new Error('closing'));
    assert.equal(codeOf(await writing), 'unknown EABORTED');
  });

  it('that was sent outlives the closing of its connection, since its answer is worth more', async () => {
    let answer = (): void => undefined;
    server.replies = [
      (response, request) => void (answer = () => json({ result: 'success', orderid: 9 })(response, request)),
    ];
    const whmcs = server.connect();
    const writing = whmcs.addOrder(order, soon());
    await server.seen(1);
    whmcs.close();
    answer();
    const end = await writing;
    assert.equal(end.kind === 'success' && end.value.orderId, 9);
    assert.equal(server.clock.pending, 0);
  });

  describe('in line', () => {
    let answers: (() => void)[];
    beforeEach(() => {
      answers = [];
      const any = json({ result: 'success', orderid: 1, totalresults: 0 });
      server.replies = [(response, request) => void answers.push(() => any(response, request))];
    });
    const actions = (): (string | null)[] => server.requests.map((request) => request.fields.get('action'));

    it('goes before the reads that wait', async () => {
      const whmcs = server.connect({ maxParallel: 1 });
      const calls: Promise<unknown>[] = [whmcs.getOrders({ id: 1 })];
      await server.seen(1);
      calls.push(whmcs.getOrders({ id: 2 }), whmcs.addOrder(order, soon()));
      for (let count = 1; count <= 3; count++) {
        await server.seen(count);
        answers.shift()?.();
      }
      await Promise.all(calls);
      assert.deepEqual(actions(), ['GetOrders', 'AddOrder', 'GetOrders']);
    });

    it('goes beyond the limit when no place comes free in half of its time: nothing is lost to our own line', async () => {
      const whmcs = server.connect({ maxParallel: 1 });
      const reading = whmcs.getOrders({ id: 1 });
      await server.seen(1);
      const writing = whmcs.addOrder(order, soon());
      const next = whmcs.getOrders({ id: 2 });
      await server.clock.advance(2_499);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(server.requests.length, 1);
      await server.clock.advance(1);
      await server.seen(2);
      answers.pop()?.();
      assert.equal((await writing).kind, 'success');
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(actions(), ['GetOrders', 'AddOrder'], 'it gave back no place that it did not have');
      answers.shift()?.();
      await server.seen(3);
      answers.shift()?.();
      await Promise.all([reading, next]);
    });

    it('is not sent when it is given up there', async () => {
      const whmcs = server.connect({ maxParallel: 1 });
      const reading = whmcs.getOrders({ id: 1 });
      await server.seen(1);
      const stop = new AbortController();
      const writing = whmcs.addOrder(order, { ...soon(), signal: stop.signal });
      stop.abort(new Error('closing'));
      assert.equal(codeOf(await writing), 'not-sent EABORTED');
      answers.shift()?.();
      await reading;
      assert.equal(server.clock.pending, 0);
    });
  });
});
