import assert from 'node:assert/strict';
import { until } from '../../../until';
import { anOrder, Broken, Caller, type Heard } from './start';

describe('the faults of the WHMCS simulator', () => {
  let caller: Caller;
  beforeEach(async () => {
    caller = await Caller.start();
  });
  afterEach(() => caller.close());

  const strike = (action: object, more: object = {}): string =>
    caller.panel.fault({ call: 'AddOrder', do: action, ...more });
  const add = (): Promise<Heard> => caller.hear('AddOrder', anOrder);
  const orders = (): number => caller.office.orders().length;
  const broken = async (pending: Promise<unknown>): Promise<Broken> => {
    try {
      await pending;
    } catch (error) {
      if (error instanceof Broken) return error;
      throw error;
    }
    throw new Error('the connection did not break');
  };

  it('refuse: closes without an answer and without work', async () => {
    strike({ kind: 'refuse' });
    assert.equal((await broken(add())).code, 'ECONNRESET');
    assert.equal(orders(), 0);
  });

  it('reset: RST without work', async () => {
    strike({ kind: 'reset' });
    assert.equal((await broken(add())).code, 'ECONNRESET');
    assert.equal(orders(), 0);
  });

  for (const [kind, done] of [
    ['hang', 0],
    ['commitThenHang', 1],
  ] as const) {
    it(`${kind}: never answers, ${done} order made`, async () => {
      strike({ kind });
      const leaving = new AbortController();
      const pending = caller.raw(formOf(), { signal: leaving.signal });
      const ended = broken(pending);
      await until('it struck', () => caller.panel.requests('AddOrder').length === 1);
      assert.equal(orders(), done);
      assert.equal(caller.panel.requests()[0]?.status, 0);
      leaving.abort();
      await ended;
    });
  }

  it('delay: waits, then goes on to the next fault', async () => {
    strike({ kind: 'delay', ms: 60_000 }, { times: 0 });
    strike({ kind: 'empty', commit: true });
    const pending = add();
    await until('it waits', () => caller.panel.faults()[0]?.hits === 1);
    assert.equal(orders(), 0);
    caller.panel.advance(60_000);
    const heard = await pending;
    assert.deepEqual([heard.status, heard.text, orders()], [200, '', 1]);
  });

  it('status: this status and body, no work', async () => {
    strike({ kind: 'status', status: 503, body: 'busy', headers: { 'retry-after': '5' } });
    const heard = await add();
    assert.deepEqual([heard.status, heard.text, heard.headers['retry-after'], orders()], [503, 'busy', '5', 0]);
  });

  it('html: a page before or after the work', async () => {
    strike({ kind: 'html', page: 'maintenance' });
    strike({ kind: 'html', page: 'oops' });
    strike({ kind: 'html', page: 'cloudflare' });
    strike({ kind: 'html', page: 'badGateway', status: 504, commit: true });
    const [down, oops, challenge] = [await add(), await add(), await add()];
    assert.deepEqual([down.status, oops.status, challenge.status, orders()], [503, 500, 403, 0]);
    assert.match(down.text, /Down for Maintenance/);
    assert.match(oops.text, /Oops!/);
    assert.equal(challenge.headers['cf-mitigated'], 'challenge');
    const gateway = await add();
    assert.deepEqual([gateway.status, orders()], [504, 1]);
    assert.match(String(gateway.headers['content-type']), /^text\/html/);
  });

  for (const bytes of [0, 20]) {
    it(`cut: does the work, sends ${bytes} bytes of the body, then RST`, async () => {
      strike({ kind: 'cut', bytes });
      const { got } = await broken(add());
      assert.deepEqual([got.length, orders()], [bytes, 1]);
      assert.ok('{"result":"success","orderid"'.startsWith(got.toString()));
    });
  }

  it('commitThenDrop: does the work, then RST', async () => {
    strike({ kind: 'commitThenDrop' });
    assert.equal((await broken(add())).code, 'ECONNRESET');
    assert.equal(orders(), 1);
  });

  it('commitLate: RST at once, the work when its time has come', async () => {
    strike({ kind: 'commitLate', ms: 600_000 });
    await broken(add());
    assert.equal(orders(), 0);
    caller.panel.advance(599_000);
    assert.equal(orders(), 0);
    caller.panel.advance(1_000);
    await until('the order is there', () => orders() === 1);
  });

  it('commitLate: in real time too', async () => {
    strike({ kind: 'commitLate', ms: 40 });
    await broken(add());
    assert.equal(orders(), 0);
    await until('the order is there', () => orders() === 1);
  });

  it('prefix: puts a text before the JSON', async () => {
    strike({ kind: 'prefix', text: '\uFEFF<br />' });
    const { text } = await add();
    assert.ok(text.startsWith('\uFEFF<br />{"result":"success"'));
    assert.equal(orders(), 1);
  });

  it('empty: 200 and no byte, with or without work', async () => {
    strike({ kind: 'empty' });
    const heard = await add();
    assert.deepEqual([heard.status, heard.text, orders()], [200, '', 0]);
  });

  it('json: this body, no work', async () => {
    const body = { warning: 'Invalid or Missing Payment Information - Please Reload and Try Again' };
    strike({ kind: 'json', body });
    assert.deepEqual((await add()).json(), body);
    assert.equal(orders(), 0);
  });

  it('merge: does the work and edits the answer', async () => {
    strike({ kind: 'merge', set: { warning: 'deprecated', invoiceid: null }, unset: ['serviceids'] });
    const answer = (await add()).json();
    assert.deepEqual([answer['result'], answer['warning'], answer['invoiceid']], ['success', 'deprecated', null]);
    assert.deepEqual(['serviceids' in answer, orders()], [false, 1]);
  });

  it('strike as often as they say, after those they let by, and where the fields match', async () => {
    strike({ kind: 'status', status: 502 }, { skip: 1, times: 2, where: { clientid: '1001', 'pid[0]': '14' } });
    const other = await caller.hear('AddOrder', { ...anOrder, clientid: 1002 });
    const statuses = [];
    for (let sent = 0; sent < 4; sent++) statuses.push((await add()).status);
    assert.deepEqual([other.status, ...statuses], [200, 200, 502, 502, 200]);
    assert.equal(caller.panel.faults()[0]?.hits, 2);
  });

  it('strike for ever with times 0, and any call with *', async () => {
    const id = caller.panel.fault({ call: '*', times: 0, do: { kind: 'status', status: 500 } });
    assert.equal((await add()).status, 500);
    assert.equal((await caller.hear('WhmcsDetails')).status, 500);
    caller.panel.clearFaults(id);
    assert.equal((await add()).status, 200);
  });

  it('strike before WHMCS looks at the credentials', async () => {
    strike({ kind: 'status', status: 502 });
    assert.equal((await caller.hear('AddOrder', { ...anOrder, secret: 'wrong' })).status, 502);
  });

  it('are noted in the request log', async () => {
    strike({ kind: 'commitThenDrop' });
    await broken(add());
    await add();
    assert.deepEqual(
      caller.panel.requests().map(({ status, outcome }) => [status, outcome]),
      [
        [0, 'fault: commitThenDrop'],
        [200, 'success'],
      ],
    );
  });

  it('are refused when a call, a kind or a key is not known', () => {
    const refuse = (fault: object, words: RegExp): void => assert.throws(() => caller.panel.fault(fault), words);
    refuse({ call: 'AddOder', do: { kind: 'hang' } }, /no call is named "AddOder"; known: \*, AcceptOrder/);
    refuse({ call: 'AddOrder', do: { kind: 'explode' } }, /no kind "explode"; known: refuse, delay/);
    refuse({ call: 'AddOrder', do: { kind: 'hang', ms: 1 } }, /Unrecognized key: "ms"/);
    refuse({ call: 'AddOrder', time: 2, do: { kind: 'hang' } }, /Unrecognized key: "time"/);
    refuse({ call: 'AddOrder', do: { kind: 'delay' } }, /ms: /);
  });

  it('let go of every connection on close', async () => {
    strike({ kind: 'hang' });
    const ended = broken(add());
    await until('it struck', () => caller.panel.requests('AddOrder').length === 1);
    await caller.close();
    await ended;
  });
});

const formOf = (): string =>
  'action=AddOrder&responsetype=json&identifier=DemoIdentifierDemoIdentifier0001&secret=DemoSecretDemoSecretDemoSecret01&clientid=1001&paymentmethod=mailin&pid[0]=14&billingcycle[0]=annually';
