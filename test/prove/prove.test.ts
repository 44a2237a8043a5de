import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { planOf } from './plan';
import { prove } from './prove';
import { rowsOf } from './rows';
import { biteOf } from './prove-teeth';
import { engineNames } from './engines';
import { failureLines } from './table';
import { pausedAtAdd } from './paused-plan';
import { teeth } from './teeth';

const pace = { beside: Math.max(3, availableParallelism()), rate: 40 };
/** Seen within few seeds, in a minute or so; `npm run prove -- --teeth` takes them all. */
const quickTeeth = ['the claim', 'the facts', 'the closing of the attempt'];

describe('One WHMCS order, proven by processes that are killed and stopped', function () {
  this.timeout(600_000);

  for (const engine of engineNames) {
    it(`holds for a seed of each row on ${engine}`, async () => {
      const plans = rowsOf(engine).map((_, at) => planOf(at + 1, engine));
      const ran = await prove({ engine, plans, ...pace, onRan: () => undefined });
      const bad = ran.filter(({ verdict }) => verdict.breaches.length > 0);
      assert.equal(bad.flatMap(failureLines).join('\n'), '');
      assert.equal(ran.length, plans.length);
      assert.ok(ran.filter(({ deeds }) => deeds.length > 0).length > plans.length / 2, 'few workers were harmed');
    });
  }

  it('holds where the one that adds is stopped for a minute around its AddOrder, and another takes the order meanwhile', async () => {
    const plans = pausedAtAdd();
    const ran = await prove({ engine: 'redis', plans, ...pace, onRan: () => undefined });
    for (const one of ran) {
      const { verdict, deeds } = one;
      const told = failureLines(one).join('\n');
      assert.deepEqual([verdict.breaches, verdict.twins, verdict.failed, verdict.accepted], [[], [], [], 1], told);
      assert.ok(
        deeds.some((deed) => deed.includes('stopped for 60 s at whmcs.addOrder:')),
        told,
      );
    }
    assert.equal(ran.length, plans.length);
    const lost = ran.filter(({ logs }) => logs.some((line) => /The lease of order \w+ was lost/.test(line)));
    assert.notEqual(lost.length, 0, 'nobody took an order over');
  });

  for (const tooth of teeth.filter(({ name }) => quickTeeth.includes(name))) {
    it(`does not hold without ${tooth.name}`, async () => {
      const { breach, control } = await biteOf({ ...tooth, plans: tooth.plans.slice(0, 4) }, pace);
      assert.notEqual(breach, null);
      assert.deepEqual(control, []);
    });
  }
});
