import assert from 'node:assert/strict';
import type { Log } from '../../../lib/log';
import { failure } from '../../../lib/provisioning/failure';
import { HandOutHold } from '../../../lib/provisioning/hand-out-hold';
import { FakeClock } from '../../fake-clock';

describe('A rest of the hand-out', () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const at = (level: string) => (text: string) => void lines.push(`${level} ${text.slice(0, 12)}`);
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const cause = failure('WHMCS_CONFIG', 'Invalid IP 203.0.113.9', 'validation');
  const other = failure('SF_AUTH', 'refused', 'validation');

  /** @returns how long each of so many rests in a row lasted, s. */
  async function rests(count: number, hold: HandOutHold, { pauseMs = 0, longestMs = 300_000 } = {}): Promise<number[]> {
    const lasted: number[] = [];
    for (let n = 0; n < count; n++) {
      assert.equal(hold.begin(cause, 30_000, longestMs), true);
      const from = clock.monotonic();
      while (hold.by !== null) await clock.advance(1_000);
      lasted.push((clock.monotonic() - from) / 1_000);
      await clock.advance(pauseMs);
    }
    return lasted;
  }

  it('doubles each time the same fault comes again, up to five minutes, with one alarm', async () => {
    lines.length = 0;
    let ended = 0;
    assert.deepEqual(await rests(6, new HandOutHold({ clock, log }, () => (ended += 1))), [30, 60, 120, 240, 300, 300]);
    assert.equal(ended, 6);
    assert.deepEqual(lines, ['error WHMCS_CONFIG', ...Array<string>(5).fill('warn WHMCS_CONFIG')]);
  });

  it('stays as short as its fault allows', async () => {
    const hold = new HandOutHold({ clock, log }, () => undefined);
    assert.deepEqual(await rests(4, hold, { longestMs: 60_000 }), [30, 60, 60, 60]);
  });

  it('is short again, with an alarm, where ten minutes have passed, or for another fault', async () => {
    lines.length = 0;
    const hold = new HandOutHold({ clock, log }, () => undefined);
    assert.deepEqual(await rests(2, hold, { pauseMs: 600_000 }), [30, 30]);
    await rests(1, hold);
    assert.equal(hold.begin(other, 30_000, 300_000), true);
    await clock.advance(30_000);
    assert.equal(hold.by, null);
    assert.deepEqual(lines, ['error WHMCS_CONFIG', 'error WHMCS_CONFIG', 'error WHMCS_CONFIG', 'error SF_AUTH: ref']);
  });

  it('is one alarm for each of two faults that take turns', async () => {
    lines.length = 0;
    const hold = new HandOutHold({ clock, log }, () => undefined);
    for (let turn = 0; turn < 3; turn++) {
      hold.begin(other, 30_000, 30_000);
      await clock.advance(30_000);
      await rests(1, hold, { longestMs: 30_000 });
    }
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['error', 'error', 'warn', 'warn', 'warn', 'warn'],
    );
  });

  it('is not made longer by what comes while it lasts', async () => {
    const hold = new HandOutHold({ clock, log }, () => undefined);
    hold.begin(other, 30_000, 300_000);
    await clock.advance(29_000);
    assert.equal(hold.begin(cause, 30_000, 300_000), false);
    assert.match(hold.by ?? '', /^SF_AUTH: refused/);
    await clock.advance(1_000);
    assert.equal(hold.by, null);
  });

  it('leaves no timer when it is stopped', () => {
    const before = clock.pending;
    const hold = new HandOutHold({ clock, log }, () => undefined);
    hold.begin(cause, 30_000, 300_000);
    hold.stop();
    assert.equal(clock.pending, before);
  });
});
