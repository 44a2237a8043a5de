import assert from 'node:assert/strict';
import type { Intake } from '../../../lib/provisioning/intake';
import { replay } from '../../../lib/provisioning/replay-by-hand';
import type { OperatorStart } from '../../../lib/salesforce/events/start-place';

const now = Date.UTC(2026, 10, 25, 12);

describe('Control by hand: replay', () => {
  let started: { channel: string; start: OperatorStart }[];
  let leads: boolean;
  beforeEach(() => {
    started = [];
    leads = true;
  });

  const intake = (channel: string): Pick<Intake, 'options' | 'startCost' | 'startFrom'> => ({
    options: { channel } as Intake['options'],
    startCost: () => Promise.resolve({ atMost: 42, text: 'at most 42 deliveries' }),
    startFrom: (start) => {
      started.push({ channel, start });
      return Promise.resolve(leads);
    },
  });
  const both = [intake('/event/A__e'), intake('/data/OrderChangeEvent')];

  it('says what it may cost, and starts nothing before it is confirmed', async () => {
    const answers = await replay('ALL', both, now);
    assert.deepEqual(
      answers.map(({ subject, done }) => [subject, done]),
      [
        ['/event/A__e', false],
        ['/data/OrderChangeEvent', false],
      ],
    );
    assert.match(answers[0]?.text ?? '', /at most 42 deliveries.*\{ from: "ALL", confirm: true \}/);
    assert.deepEqual(started, []);
  });

  it('starts once confirmed: from everything, a replay id or a time', async () => {
    for (const [from, start] of [
      ['all', { from: 'ALL' }],
      ['2026-11-25T09:00Z', { from: 'time', at: Date.UTC(2026, 10, 25, 9) }],
      ['AAAAAAAQ200AAA==', { from: 'replayId', replayId: 'AAAAAAAQ200AAA==' }],
    ] as const) {
      started = [];
      const [answer] = await replay({ from, confirm: true }, [intake('/event/A__e')], now);
      assert.equal(answer?.done, true);
      assert.match(answer.text, /what was handled already is recognized.*at most 42/);
      assert.deepEqual(started, [{ channel: '/event/A__e', start }]);
    }
  });

  it('starts the one channel that is named', async () => {
    await replay({ from: 'ALL', confirm: true, channel: '/data/OrderChangeEvent' }, both, now);
    assert.deepEqual(
      started.map(({ channel }) => channel),
      ['/data/OrderChangeEvent'],
    );
    const [answer] = await replay({ from: 'ALL', confirm: true, channel: '/event/Other__e' }, both, now);
    assert.match(answer?.text ?? '', /listens to \/event\/Other__e/);
  });

  it('refuses what is no place, and what is no question, in words', async () => {
    for (const [payload, text] of [
      ['-2', /no place to start from/],
      ['yesterday', /no place to start from/],
      ['2027-01-01T00:00Z', /lies ahead/],
      [undefined, /Put a place into msg.payload/],
      [{ from: 'ALL', confirmed: true }, /Put a place into msg.payload/],
      [['ALL'], /Put a place into msg.payload/],
    ] as const) {
      const [answer] = await replay(payload, both, now);
      assert.equal(answer?.done, false);
      assert.match(answer.text, text);
    }
    assert.deepEqual(started, []);
  });

  it('says that another instance subscribes, or that none does', async () => {
    leads = false;
    const [elsewhere] = await replay({ from: 'ALL', confirm: true }, [intake('/event/A__e')], now);
    assert.deepEqual([elsewhere?.done, /Another instance/.test(elsewhere?.text ?? '')], [false, true]);
    assert.match((await replay('ALL', [], now))[0]?.text ?? '', /No platform event node/);
  });
});
