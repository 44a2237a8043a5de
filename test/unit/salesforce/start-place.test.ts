import assert from 'node:assert/strict';
import {
  isReplayId,
  markIn,
  parseOperatorStart,
  placeOf,
  positionOfMark,
} from '../../../lib/salesforce/events/start-place';
import { positionOf } from '../../../lib/salesforce/events/streaming-position';

describe('A place that a person names to start from', () => {
  const now = Date.UTC(2026, 10, 25, 9);
  /** Ten bytes. */
  const replayId = 'AAAAAAAQ200AAA==';

  it('is everything, a replay id in base64, or a time with its zone', () => {
    assert.deepEqual(parseOperatorStart(' all ', now), { from: 'ALL' });
    assert.deepEqual(parseOperatorStart(replayId, now), { from: 'replayId', replayId });
    const at = Date.UTC(2026, 10, 24, 8, 30);
    for (const text of ['2026-11-24T08:30Z', '2026-11-24T08:30:00.000Z', '2026-11-24T17:30+09:00'])
      assert.deepEqual(parseOperatorStart(text, now), { from: 'time', at }, text);
  });

  it('is what a subscriber understands: what is older than a time comes all the same, and is passed over', () => {
    assert.deepEqual(placeOf({ from: 'ALL' }), { preset: 'EARLIEST' });
    assert.deepEqual(placeOf({ from: 'replayId', replayId }), { replayId });
    assert.deepEqual(placeOf({ from: 'time', at: 5 }), { preset: 'EARLIEST', createdSince: 5 });
  });

  for (const bad of [
    '',
    '-1',
    '-2',
    'abc',
    '1104717',
    '110471712345',
    'LATEST',
    '2026-11-24',
    '2026-11-24T08:30',
    'NaN',
  ])
    it(`is not "${bad}": what it may be is said (B22)`, () => {
      assert.throws(() => parseOperatorStart(bad, now), /write ALL, a replay id in base64 .*, or a time with its zone/);
    });

  it('is no time that lies ahead, and none that does not exist', () => {
    assert.throws(() => parseOperatorStart('2026-11-25T09:01Z', now), /lies ahead/);
    assert.throws(() => parseOperatorStart('2026-13-45T99:99Z', now), /is no time/);
  });

  it('is an id of any length that one may have, if it is base64 to the letter', () => {
    for (const length of [8, 10, 12, 64]) assert.equal(isReplayId(Buffer.alloc(length, 7).toString('base64')), true);
    for (const length of [0, 7, 65]) assert.equal(isReplayId(Buffer.alloc(length, 7).toString('base64')), false);
    for (const text of ['AAAAAAAQ200AAA', 'AAAAAAAQ200AAB==', 'AAAAAAAQ2-_AAA==', `${replayId}\n`])
      assert.equal(isReplayId(text), false, text);
  });

  it('that a replay id alone does not tell is a mark, told from every replay id', () => {
    for (const mark of [
      { after: null, since: now, asked: false, before: null },
      { after: replayId, since: null, asked: true, before: positionOf('2026') },
      { after: replayId, since: now, asked: true, before: null },
    ])
      assert.deepEqual(markIn(positionOfMark(mark)), mark);
    for (const other of [replayId, positionOf('2026'), '', 'abc', 'place:{}', '{"after":null}'])
      for (const position of [other, Buffer.from(other).toString('base64')])
        assert.equal(markIn(position), null, other);
  });
});
