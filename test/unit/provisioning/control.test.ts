/** What people ask for by hand, judged by the books of Salesforce and WHMCS. */
import assert from 'node:assert/strict';
import { subjectsIn } from '../../../lib/provisioning/control';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { JobUnderTest, type JobOptions } from './job-under-test';
import { orderId } from './desk-under-test';
import { awayError } from './vendor-doubles/in-memory-whmcs';
import { asked } from './vendor-doubles/world';

describe('Control by hand: retry', () => {
  let job: JobUnderTest;
  const begin = async (options: JobOptions = {}): Promise<void> => {
    job = await JobUnderTest.open(options);
    job.approve();
  };
  afterEach(() => job.close());

  const retry = async (payload: unknown = orderId): Promise<string> => {
    const [answer] = await job.ask('retry', payload);
    return `${answer?.done ? 'done' : 'no'}: ${answer?.text ?? 'nothing'}`;
  };
  /** AddOrder and its repetition get no answer, and nothing comes of either: a person must decide. */
  const stopped = async (): Promise<void> => {
    job.whmcs.addFaults = [{ end: 'unknown' }, { end: 'unknown' }];
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Failed');
    assert.equal(job.errorCode(), 'WHMCS_OUTCOME_UNKNOWN');
    assert.equal(adds(), 2);
  };
  const locked = { kind: 'later' as const, code: 'UNABLE_TO_LOCK_ROW', message: 'locked' };
  const adds = (): number => job.whmcs.calls.filter((call) => call === 'AddOrder').length;
  const reads = (): number => job.whmcs.calls.filter((call) => call === 'GetOrders').length;

  for (const [org, withAttempts] of [
    ['counts attempts', true],
    ['counts none', false],
  ] as const) {
    describe(`where the org ${org}`, () => {
      it('settles anew a call that was stopped for a person, and goes on', async () => {
        await begin({ withAttempts });
        await stopped();
        const before = reads();
        assert.match(await retry(), /^done/);
        await job.rest();
        assert.equal(job.status(), 'Activated', job.ends.join(' | '));
        assert.ok(reads() - before >= 3, 'it read WHMCS again before it added');
        assert.deepEqual(job.whmcs.added, [5001]);
        assert.deepEqual(job.whmcs.accepted, [5001]);
      });

      it('adopts an order of ours that turned up after the stop, and adds none', async () => {
        await begin({ withAttempts });
        await stopped();
        const store = job.desk.provisioning.store.id;
        job.whmcs.add({ clientId: 1001, items: asked(), notes: `sfOrderId=${orderId};i=${store}-a2` });
        await retry();
        await job.rest();
        assert.equal(job.status(), 'Activated', job.ends.join(' | '));
        assert.equal(adds(), 2);
      });

      it('stops again at a row that nothing explains, read anew, and names it', async () => {
        await begin({ withAttempts });
        await stopped();
        job.whmcs.add({ clientId: 1001, items: asked(), by: 'person' });
        await retry();
        await job.rest();
        assert.equal(job.status(), 'Failed');
        assert.match(job.errorMessage(), /may be ours: 5001/);
        assert.equal(adds(), 2);
      });

      it('settles anew too when a person just sets the status back to Activating', async () => {
        await begin({ withAttempts });
        await stopped();
        job.salesforce.edit(orderId, { activationStatus: 'Activating' });
        await job.arrives();
        await job.rest();
        assert.equal(job.status(), 'Activated', job.ends.join(' | '));
        assert.deepEqual(job.whmcs.added, [5001]);
      });

      it('does not run again what has failed and is still to be told, whatever arrives meanwhile', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
        job.salesforce.ends.push(...Array.from({ length: 20 }, () => locked));
        await job.arrives();
        await job.desk.settle(5_000);
        assert.deepEqual([job.status(), (await job.record()).attemptState], ['Activating', 'closed']);
        for (let event = 0; event < 3; event++) {
          await job.arrives();
          await job.desk.settle(1_000);
        }
        job.salesforce.ends.length = 0;
        await job.rest();
        assert.equal(job.status(), 'Failed');
        assert.equal(adds(), 1);
        assert.equal((await job.record()).attempt, 1);
        assert.deepEqual(new Set(job.ends.slice(1)), new Set(['skipped ATTEMPT_CLOSED']));
      });

      it('waits until an earlier result is told, and says what keeps it', async () => {
        await begin({ withAttempts });
        job.whmcs.addFaults = [{ end: 'refused', message: 'Invalid Payment Method' }];
        const refused = { kind: 'refused' as const, code: 'X', message: 'no permission', fields: [] };
        job.salesforce.ends.push(...Array.from({ length: 4 }, () => refused));
        await job.arrives();
        await job.desk.settle(5_000);
        assert.equal(
          await retry(),
          'no: It has ended as Failed, and Salesforce is still to be told (no permission); retry once it is',
        );
        assert.equal(job.status(), 'Activating');
        job.salesforce.ends.length = 0;
        assert.match(await retry(), /^done/);
        await job.rest();
        assert.deepEqual(job.salesforce.statuses(orderId), ['Failed', 'Activating', 'Activated']);
      });

      it('is a new attempt also where a flow has left the last one open', async () => {
        await begin({ withAttempts });
        await stopped();
        await job.desk.record({ attemptState: 'open', report: null });
        await retry();
        await job.rest();
        assert.equal(job.status(), 'Activated', job.ends.join(' | '));
        assert.equal((await job.record()).attempt, 2);
      });
    });
  }

  it('raises the org’s number of the attempt in the write of Activating, and clears the error', async () => {
    await begin();
    await stopped();
    job.salesforce.book.length = 0;
    await retry();
    assert.deepEqual(job.salesforce.book[0]?.change, {
      activationStatus: 'Activating',
      attempt: 2,
      errorCode: null,
      errorMessage: null,
      errorAt: null,
    });
    await job.rest();
    assert.equal(job.salesforce.book.at(-1)?.change.resultAttempt, 2);
  });

  it('hands out once of three clicks at once, and says so to the others', async () => {
    await begin();
    await stopped();
    const clicks = [retry(), retry(), retry()];
    const answers = (await Promise.all(clicks)).sort();
    assert.match(answers[0] ?? '', /^done: Handed out again/);
    assert.deepEqual(answers.slice(1), Array(2).fill('no: Already in progress: it was asked for just now'));
    await job.rest();
    assert.deepEqual(job.salesforce.statuses(orderId).slice(-2), ['Activating', 'Activated']);
    assert.equal((await job.record()).attempt, 2);
    assert.deepEqual([job.whmcs.added, job.whmcs.accepted], [[5001], [5001]]);
  });

  it('adds once when the org’s number rises while our attempt is open', async () => {
    await begin();
    job.whmcs.addFaults = [{ end: 'unknown', commit: 200_000 }];
    await job.arrives();
    await job.desk.settle(10_000);
    job.salesforce.edit(orderId, { activationStatus: 'Failed' });
    job.salesforce.edit(orderId, { activationStatus: 'Activating', attempt: 2 });
    await job.arrives();
    await job.rest();
    assert.equal(job.status(), 'Activated', job.ends.join(' | '));
    assert.deepEqual(job.whmcs.added, [5001]);
    assert.deepEqual(job.whmcs.accepted, [5001]);
    assert.equal(job.salesforce.book.at(-1)?.change.resultAttempt, 2);
  });

  it('refuses, in words, what is under way, Activated, unknown or no id', async () => {
    await begin();
    await job.arrives();
    await job.rest();
    assert.equal(await retry(), 'no: The Order is Activated already');
    assert.match(await retry('801000000000009AAA'), /^no: Salesforce shows no such Order/);
    assert.match(await retry('hello'), /^no: No such event, and no id of an Order/);
    assert.match(await retry({ order: orderId }), /^no: Not understood/);
    job.salesforce.edit(orderId, { activationStatus: 'Activating' });
    job.whmcs.beforeRead = (action) => {
      throw awayError(action);
    };
    await job.arrives();
    assert.match(await retry(), /^no: (Already in progress|Another step)/);
  });
});

describe('Control by hand: a list in which one cannot be read', () => {
  const [first, second, third] = ['801000000000011AAA', '801000000000021AAA', '801000000000031AAA'] as const;
  const away = new SalesforceError('503', 'Service Unavailable', 'temporary');
  let job: JobUnderTest;
  beforeEach(async () => {
    job = await JobUnderTest.open();
    for (const id of [first, second, third]) job.approve({ activationStatus: 'Failed' }, id);
  });
  afterEach(() => job.close());

  it('tells of all the others what was done', async () => {
    let reads = 0;
    job.salesforce.beforeRead = () => (++reads === 2 ? Promise.reject(away) : Promise.resolve());
    const answers = await job.ask('retry', [first, second, third]);
    assert.deepEqual(
      answers.map(({ subject, done, text }) => [subject, done, text.replace(/ as .*/, '')]),
      [
        [first, true, 'Handed out'],
        [second, false, '503: Service Unavailable'],
        [third, true, 'Handed out'],
      ],
    );
    for (const id of [first, third]) {
      await job.rest(id);
      assert.equal(job.status(id), 'Activated');
    }
    assert.equal(job.status(second), 'Failed');
  });

  it('fails as a whole where none can be', async () => {
    job.salesforce.beforeRead = () => Promise.reject(away);
    await assert.rejects(job.ask('retry', [first, second]), away);
  });
});

describe('What a control message asks about', () => {
  const subject = (id: string, newWhmcsOrder = false) => ({ id, newWhmcsOrder, problem: null });

  it('is ids in a text, an order with the word for a new WHMCS order, or a list of either', () => {
    assert.deepEqual(
      subjectsIn(` a, b;c
d `),
      ['a', 'b', 'c', 'd'].map((id) => subject(id)),
    );
    assert.deepEqual(subjectsIn({ orderId, newWhmcsOrder: true }), [subject(orderId, true)]);
    assert.deepEqual(subjectsIn([{ orderId }, 'x', [{ orderId, newWhmcsOrder: false }]]), [
      subject(orderId),
      subject('x'),
      subject(orderId),
    ]);
    for (const nothing of [undefined, null, '', []]) assert.deepEqual(subjectsIn(nothing), []);
  });

  it('is not understood when the word is not true, or the order is not named', () => {
    for (const odd of [{ orderId, newWhmcsOrder: 'true' }, { newWhmcsOrder: true }, { orderId: 7 }, 7, true])
      assert.match(subjectsIn(odd)[0]?.problem ?? '', /newWhmcsOrder: true/);
  });
});
