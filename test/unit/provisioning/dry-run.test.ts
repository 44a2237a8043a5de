/** The run itself: what it asks of steps, how many orders at once and for how long, and what people read of it. */
import assert from 'node:assert/strict';
import { dryRun, dryRunAsked, mostDryRun, type AnyStep, type DryRunEntry } from '../../../lib/provisioning/dry-run';
import { dryRunBlocks, dryRunText } from '../../../lib/provisioning/dry-run-report';
import { failure } from '../../../lib/provisioning/failure';
import type { Foresight, Foreseen } from '../../../lib/provisioning/foresight';
import type { Travelling } from '../../../lib/provisioning/message';
import { newRecord } from '../../../lib/provisioning/order-record';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { input, World, type Process } from './vendor-doubles/world';

const idOf = (count: number): string => `8010000000000${String(count).padStart(2, '0')}AAA`;
const [one, two, three] = [idOf(1), idOf(2), idOf(3)];

type Dry<K extends keyof Travelling> = Foresight<Travelling[K]>['foresee'];

describe('a dry run of several orders', () => {
  let world: World;
  let process: Process;
  /** What is under way just now, and the most that ever was. */
  let running: number;
  let most: number;
  beforeEach(async () => {
    world = new World();
    process = await world.process(world.directory());
    running = most = 0;
  });
  afterEach(() => world.close());

  const step = <K extends keyof Travelling>(adds: K, foresee: Dry<K>, newest?: () => Promise<string[]>): AnyStep =>
    ({
      name: 'validation',
      needs: [],
      adds,
      dry: { foresee, ...(newest ? { newest } : {}) },
      run: () => Promise.reject(new Error('A dry run runs no step')),
    }) as AnyStep;
  const fine = <T>(value: T): Foreseen<T> => ({ value, faults: [], notes: [] });
  const lookingFor =
    (ms: number): Dry<'order'> =>
    async (_, { order: { orderId, clock }, signal }) => {
      most = Math.max(most, ++running);
      try {
        await new Promise<void>((resolve, reject) => {
          clock.after(ms, resolve);
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        });
        return fine(input({ id: orderId }).order);
      } finally {
        running -= 1;
      }
    };
  const reading = (ms = 0): AnyStep => step('order', lookingFor(ms));
  const closing = new AbortController();
  const begin = (
    ids: string[],
    steps: AnyStep[],
    onProgress?: (done: number, of: number) => void,
    signal = closing.signal,
  ) =>
    dryRun(
      { ids },
      {
        steps,
        store: process.store,
        idMappings: null,
        sender: process.sender,
        clock: world.clock,
        signal,
        ...(onProgress ? { onProgress } : {}),
      },
    );
  const run = (...args: Parameters<typeof begin>): Promise<DryRunEntry[]> => world.until(begin(...args), 3_600_000);

  it('looks at two at a time, gives them in the order in which they were asked for, and tells how far it is', async () => {
    const ids = Array.from({ length: 7 }, (_, at) => idOf(at));
    const told: string[] = [];
    const entries = await run(ids, [reading(1_000)], (done, of) => void told.push(`${done}/${of}`));
    assert.deepEqual(
      entries.map(({ subject }) => subject),
      ids,
    );
    assert.equal(most, 2);
    assert.deepEqual([told[0], told.at(-1), told.length], ['0/7', '7/7', 8]);
    assert.equal(world.clock.pending, 0);
  });

  it('gives an order a minute, and goes on with the next', async () => {
    const slow = step('order', (message, context) =>
      lookingFor(context.order.orderId === one ? 1_000_000_000 : 0)(message, context),
    );
    const [late, fineOne] = await run([one, two], [slow]);
    assert.deepEqual(
      late?.faults.map(({ code, message, owner }) => [code, message, owner]),
      [['ETIMEOUT', 'It could not be looked at within a minute', 'Development team']],
    );
    assert.deepEqual([fineOne?.ok, world.clock.monotonic() < 120_000], [true, true]);
  });

  it('ends after ten minutes, with what it has', async () => {
    const ids = Array.from({ length: 60 }, (_, at) => idOf(at));
    const entries = await run(ids, [reading(50_000)]);
    assert.equal(entries.length, 60);
    assert.ok(world.clock.monotonic() < 700_000);
    assert.equal(entries[0]?.ok, true);
    assert.match(entries.at(-1)?.faults[0]?.message ?? '', /the dry run ended after 10 minutes/);
  });

  it('ends at once when it is given up', async () => {
    const stop = new AbortController();
    const running = begin([one, two, three], [reading(30_000)], undefined, stop.signal);
    await world.clock.advance(10);
    stop.abort(new Error('closed'));
    await assert.rejects(running, /closed/);
    assert.equal(world.clock.pending, 2, 'the timers of the test’s own reads alone');
  });

  it('takes no lease and writes nothing', async () => {
    await process.begin(one);
    const before = await process.real.ledger.read(one);
    await run([one], [reading()]);
    assert.deepEqual(await process.real.ledger.read(one), before);
  });

  it('goes on to the next step after a rule of ours, and stops at what is no rule', async () => {
    const asked: string[] = [];
    const broken = step('client', () => Promise.reject(failure('CLIENT_CLOSED', 'closed', 'validation')));
    const after = step('mapping', ({ client }) => {
      asked.push(client === undefined ? 'without a client' : 'with one');
      return Promise.resolve(null);
    });
    assert.deepEqual(
      (await run([one], [reading(), broken, after]))[0]?.faults.map(({ code }) => code),
      ['CLIENT_CLOSED'],
    );
    assert.deepEqual(asked.splice(0), ['without a client']);
    const away = new WhmcsError('GetClientsDetails', {
      kind: 'unknown',
      code: '503',
      message: 'HTTP 503',
      edge: false,
    });
    const down = step('client', () => Promise.reject(away));
    assert.deepEqual(
      (await run([one], [reading(), down, after]))[0]?.faults.map(({ code, step: at }) => [code, at]),
      [['503', 'validation']],
    );
    assert.deepEqual(asked, []);
  });

  it('shows no body and nothing to be made beside a fault, whatever add order would ask for', async () => {
    const { order, client, mapping } = input();
    const request = {
      clientId: 1,
      paymentMethod: 'mailin',
      items: [],
      noEmail: false,
      noInvoice: false,
      noInvoiceEmail: false,
    };
    const add = step('whmcs', () =>
      Promise.resolve({ faults: [], notes: [], adding: { has: null, request: { ...request, notes: 'x' } } }),
    );
    const steps = (faults: Foreseen<never>['faults']): AnyStep[] => [
      step('order', () => Promise.resolve(fine(order))),
      step('client', () => Promise.resolve({ ...fine(client), faults })),
      step('mapping', () => Promise.resolve(fine(mapping))),
      add,
    ];
    const [good] = await run([one], steps([]));
    assert.ok(good?.ok && good.body?.startsWith('action=AddOrder') && good.creates && good.bodyNote);
    const lack = failure('PAYMENT_METHOD_MISSING', '409: none', 'validation').part();
    const [bad] = await run([one], steps([lack]));
    assert.deepEqual([bad?.ok, bad?.body, bad?.creates, bad?.bodyNote], [false, null, null, null]);
  });

  describe('whose Accounts name the same WHMCS client', () => {
    const accounts: Record<string, [account: string, client: number | null, whField?: string]> = {};
    beforeEach(() => Object.keys(accounts).forEach((id) => delete accounts[id]));
    const withAccount = step('order', (_, { order: { orderId } }) => {
      const [name, , whField] = accounts[orderId] ?? ['', null];
      const account = { id: `001-${name}`, name, whAccount: '', ...(whField ? { whField } : {}) };
      return Promise.resolve(fine({ ...input().order, id: orderId, number: orderId.slice(13, 15), account }));
    });
    const withClient = step('client', (_, { order: { orderId } }) => {
      const id = accounts[orderId]?.[1] ?? null;
      if (id === null) return Promise.reject(failure('CLIENT_NOT_MAPPED', 'none', 'validation'));
      return Promise.resolve({ ...fine({ ...input().client, id }), notes: ['first'] });
    });
    const notes = async (...ids: string[]): Promise<string[][]> =>
      (await run(ids, [withAccount, withClient])).map((entry) => entry.notes);

    it('says so of each of them, and which the others are', async () => {
      Object.assign(accounts, { [one]: ['<b>North', 7], [two]: ['South', 7, 'Billing__c'], [three]: ['East', 8] });
      assert.deepEqual(await notes(one, two, three), [
        [
          'first',
          'Account South (Order 02) is linked with WHMCS client 7, too. Where the two are not one customer, correct WH_Account__c of the one that is wrong',
        ],
        [
          'first',
          'Account North (Order 01) is linked with WHMCS client 7, too. Where the two are not one customer, correct Billing__c of the one that is wrong',
        ],
        ['first'],
      ]);
      const [entry] = await run([one, two], [withAccount, withClient]);
      assert.match(entry?.text ?? '', /first\. Account South \(Order 02\) is linked/);
    });

    it('says nothing of two Orders of one Account, or of an Account without a client', async () => {
      Object.assign(accounts, { [one]: ['North', 7], [two]: ['North', 7], [three]: ['East', null] });
      assert.deepEqual(await notes(one, two, three), [['first'], ['first'], []]);
    });

    it('names one of many, and counts the rest', async () => {
      const ids = Array.from({ length: 6 }, (_, at) => idOf(at));
      for (const [at, id] of ids.entries()) accounts[id] = [`A${at % 4}`.padEnd(90, 'x'), 7];
      const [first] = await notes(...ids);
      assert.match(
        first?.[1] ?? '',
        /^Account A1x{57}… \(Order 01\) and 2 more Accounts are linked with WHMCS client 7, too\./,
      );
    });
  });

  it('hands each step the record that the one before it would leave', async () => {
    const seen: number[] = [];
    const opens = step('order', () =>
      Promise.resolve({ ...fine(input().order), record: { ...newRecord(), attempt: 7 } }),
    );
    const reads = step('client', (_, { order }) => (seen.push(order.record.attempt), Promise.resolve(null)));
    await run([one], [opens, reads]);
    assert.deepEqual(seen, [7]);
  });

  it('hands each step the table of ids in use', async () => {
    const { idMappings } = process.real;
    const seen: unknown[] = [];
    const reads = step('client', (_, context) => (seen.push(context.idMappings), Promise.resolve(null)));
    const { store, sender } = process;
    const parts = { steps: [reads], store, sender, clock: world.clock, signal: closing.signal };
    for (const table of [idMappings, null]) await world.until(dryRun({ ids: [one] }, { ...parts, idMappings: table }));
    assert.deepEqual([seen.length, seen[0] === idMappings, seen[1]], [2, true, null]);
  });

  it('asks the step that reads Orders for the newest', async () => {
    const newest = step(
      'order',
      (_, { order: { orderId } }) => Promise.resolve(fine({ ...input().order, id: orderId })),
      () => Promise.resolve([two, one]),
    );
    const parts = {
      steps: [newest],
      store: process.store,
      idMappings: null,
      sender: process.sender,
      clock: world.clock,
    };
    const entries = await dryRun({ last: 2 }, { ...parts, signal: closing.signal });
    assert.deepEqual(
      entries.map(({ subject }) => subject),
      [two, one],
    );
  });
});

describe('what is asked of a dry run', () => {
  it('is ids in any form, each once, or a number of the newest', () => {
    assert.deepEqual(dryRunAsked(`${one}, ${two};${one.slice(0, 15)}`), { ids: [one, two] });
    assert.deepEqual(dryRunAsked([one, [`${two}`]]), { ids: [one, two] });
    assert.deepEqual(dryRunAsked({ orderId: one }), { ids: [one] });
    assert.deepEqual(dryRunAsked({ last: 20 }), { last: 20 });
    assert.deepEqual(dryRunAsked('Last 7'), { last: 7 });
  });

  it('is refused beyond its bound, and where it names nothing', () => {
    const many = Array.from({ length: mostDryRun + 1 }, (_, at) => `x${at}`);
    assert.deepEqual(dryRunAsked(many), { problem: 'At most 200 Orders at a time' });
    for (const payload of [undefined, null, '', '  ', [], {}, 7, true, { first: 1 }])
      assert.ok('problem' in dryRunAsked(payload), JSON.stringify(payload));
  });
});

describe('the report of a dry run', () => {
  const entry = (over: Partial<DryRunEntry>): DryRunEntry => ({
    subject: one,
    ok: true,
    number: '00000101',
    status: 'Draft',
    text: '',
    faults: [],
    notes: [],
    whmcsOrderId: null,
    creates: null,
    body: null,
    bodyNote: null,
    ...over,
  });
  const fault = (item: string) => ({
    code: 'PRODUCT_ID_MISSING',
    message: 'WH_Product_ID__c is empty',
    fix: 'Set it.',
    owner: 'Salesforce admin' as const,
    step: 'mapping' as const,
    item,
  });

  it('is one line a fault, whatever a name holds, and one for each order without', () => {
    const bad = entry({ ok: false, faults: [fault('1 A |\n\u2028\u202eB'), fault('2 C')] });
    const has = entry({ number: '00000102', whmcsOrderId: 7, notes: ['It has WHMCS order 7 (Active)'] });
    assert.deepEqual(dryRunText([bad, has], ['Of 2 nodes this one']).split('\n'), [
      'Dry run of 2 orders: 0 would be added, 1 with a WHMCS order already, 1 cannot be added. Nothing was changed.',
      'Of 2 nodes this one',
      'order | found | fix | owner',
      '00000101 | item 1 A B: WH_Product_ID__c is empty | Set it. | Salesforce admin',
      '00000101 | item 2 C: WH_Product_ID__c is empty | Set it. | Salesforce admin',
      '00000102 | It has WHMCS order 7 (Active)',
    ]);
  });

  it('says of an order with a fault what would happen besides, too', () => {
    const bad = entry({ ok: false, faults: [fault('1 A')], notes: ['WHMCS client 7 is Inactive |', 'It would wait'] });
    assert.deepEqual(dryRunText([bad]).split('\n').slice(2), [
      '00000101 | item 1 A: WH_Product_ID__c is empty | Set it. | Salesforce admin',
      '00000101 | WHMCS client 7 is Inactive',
      '00000101 | It would wait',
    ]);
  });

  it('counts every order once, also one of which it is not known whether WHMCS has it', () => {
    const open = entry({ notes: ['It is not known yet'] });
    const creates = { client: input().client, lines: [], amount: null };
    const all = [open, entry({ creates }), entry({ whmcsOrderId: 7 }), entry({ ok: false, faults: [fault('1 A')] })];
    assert.equal(
      dryRunText(all).split('\n')[0],
      'Dry run of 4 orders: 1 would be added, 1 with a WHMCS order already, 1 would be looked for in WHMCS first, 1 cannot be added. Nothing was changed.',
    );
    const dead = entry({ ok: false, whmcsOrderId: 7, faults: [fault('1 A')] });
    assert.match(dryRunText([dead]), /: 0 would be added, 0 with a WHMCS order already, 1 cannot be added\./);
  });

  it('is cut for the sidebar into blocks that it shows whole, and none where all is well', () => {
    assert.deepEqual(dryRunBlocks([entry({})]), []);
    const many = Array.from({ length: 50 }, (_, at) => entry({ ok: false, faults: [fault(`${at}`)] }));
    const blocks = dryRunBlocks(many);
    assert.ok(blocks.every((block) => block.length <= 1_000 && block.startsWith('Dry run of 50 orders: ')));
    assert.equal(blocks.join('\n').match(/is empty/g)?.length, 30);
    assert.match(blocks.at(-1) ?? '', /\nand 20 more, in msg\.text$/);
    assert.deepEqual(
      blocks.map((block) => / \((\d of \d)\)$/.exec(block.split('\n')[0] ?? '')?.[1]),
      blocks.map((_, at) => `${at + 1} of ${blocks.length}`),
      'each says which of them it is: it is one dry run',
    );
    assert.doesNotMatch(dryRunBlocks(many.slice(0, 2)).join(), /1 of 1/);
  });
});
