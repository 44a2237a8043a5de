import assert from 'node:assert/strict';
import { inBlocks } from '../../../lib/provisioning/report-lines';

describe('A report in blocks for the debug sidebar', () => {
  const heading = `${'Dry run of 200 orders: '.padEnd(190, 'x')}\norder | found | fix | owner`;
  const rowsOf = (length: number, count = 30): string[] =>
    Array.from({ length: count }, (_, at) => `${at} `.padEnd(length, '.'));

  it('holds every row once, in blocks that the sidebar shows whole', () => {
    for (let length = 5; length <= 800; length += 1) {
      const rows = rowsOf(length);
      const blocks = inBlocks(heading, rows, 'msg.text');
      assert.ok(
        blocks.every((block) => block.length <= 1_000),
        `rows of ${length}`,
      );
      const shown = blocks.flatMap((block) => block.split('\n').slice(2));
      assert.deepEqual(
        shown.map((line) => parseInt(line, 10)),
        rows.map((_, at) => at),
      );
      if (length < 700) assert.deepEqual(shown, rows);
    }
  });

  it('fills a block before it begins another', () => {
    assert.equal(inBlocks(heading, rowsOf(100), 'msg.text').length, 5);
    assert.equal(inBlocks(heading, rowsOf(100, 7), 'msg.text').length, 1);
  });

  it('is its heading alone where there is no row', () => {
    assert.deepEqual(inBlocks('Nothing\nto say', [], 'msg.text'), ['Nothing\nto say']);
  });
});
