import assert from 'node:assert/strict';
import { seedsOfWalk, walkPlan } from './each-boundary';
import { engineNames } from './engines';
import { boundaryNames } from './harms';
import { rowsOf, type Plan } from './rows';

const planned = ({ row, seats }: Plan): string[] =>
  (seats[0]?.lives.flat() ?? []).flatMap(({ name, deed }) =>
    deed.kind === 'ask' ? [] : [`${row}: ${deed.kind} at ${name ?? 'any'}`],
  );

describe('The walk of the proof', () => {
  for (const engine of engineNames) {
    it(`kills and stops at each boundary with each row on ${engine}`, () => {
      const plans = Array.from({ length: seedsOfWalk(engine) }, (_, at) => walkPlan(at + 1, engine));
      const all = new Set(plans.flatMap(planned));
      const missed = rowsOf(engine).flatMap((row) =>
        boundaryNames.flatMap((name) =>
          ['kill', 'stop'].map((kind) => `${row}: ${kind} at ${name}`).filter((one) => !all.has(one)),
        ),
      );
      // A store is lost, or an older one put in place, when its process has died.
      assert.deepEqual(
        missed.filter((one) => !/^(store lost|older backup put back): stop/.test(one)),
        [],
      );
    });
  }

  it('leaves what the world does in a row in place', () => {
    const plans = Array.from({ length: seedsOfWalk('redis') }, (_, at) => walkPlan(at + 1, 'redis'));
    const retried = plans.filter(({ row }) => row === 'retry click');
    const clicks = ({ seats }: Plan): boolean =>
      (seats[0]?.lives[0] ?? []).some(({ deed }) => deed.kind === 'ask' && deed.what === 'click');
    assert.ok(retried.length > 0 && retried.every(clicks));
  });
});
