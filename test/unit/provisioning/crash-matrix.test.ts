/**
 * A process that ends at any boundary of adding and accepting, whatever WHMCS does meanwhile: the next process goes on from
 * the store, and WHMCS's own ledger shows one order, accepted and set up at most once.
 */
import assert from 'node:assert/strict';
import type { AddOrderSettings } from '../../../lib/provisioning/add-order';
import type { Kill } from './vendor-doubles/crash-points';
import type { End, Process } from './vendor-doubles/world';
import { input, World } from './vendor-doubles/world';
import type { AcceptFault, AddFault } from './vendor-doubles/in-memory-whmcs';

interface Story {
  name: string;
  add: AddFault[];
  accept: AcceptFault[];
  /** Default: the order's notes. */
  marker?: AddOrderSettings['marker'];
}

const noStory: Story = { name: 'all answers come', add: [], accept: [] };
const stories: Story[] = [
  noStory,
  { name: 'the answer to AddOrder is lost', add: [{ end: 'unknown', commit: 'now' }], accept: [] },
  { name: 'AddOrder commits two minutes late', add: [{ end: 'unknown', commit: 120_000 }], accept: [] },
  { name: 'AddOrder dies in WHMCS', add: [{ end: 'unknown', commit: 'never', code: '502' }], accept: [] },
  {
    name: 'the answer to AddOrder is lost, and the mark is in a custom field',
    add: [{ end: 'unknown', commit: 'now' }],
    accept: [],
    marker: { customFieldId: 12 },
  },
  {
    name: 'AddOrder commits two minutes late, and the mark is in a custom field',
    add: [{ end: 'unknown', commit: 120_000 }],
    accept: [],
    marker: { customFieldId: 12 },
  },
  { name: 'the answer to AcceptOrder is lost', add: [], accept: [{ end: 'unknown', run: 'now' }] },
  { name: 'AcceptOrder runs for three minutes', add: [], accept: [{ end: 'unknown', run: 180_000 }] },
];

interface Run {
  end: End | string;
  process: Process;
}

async function run(world: World, directory: string, attempt: number, { marker }: Story, kill?: Kill): Promise<Run> {
  const process = await world.process(directory, kill ? { kill } : {});
  const { attempt: before } = await process.record();
  if (before < attempt) await process.begin(undefined, attempt);
  const life = async (): Promise<End> => {
    await process.settler.start();
    return process.flow(input(), marker === undefined ? {} : { marker });
  };
  const end = await world.until(Promise.race([life(), process.crash.killed]));
  return { end, process };
}

/**
 * One process after another, each killed as `kills` say, until the flow has ended. Where a person is asked because nothing
 * came of two calls, they see no order in WHMCS and press Retry.
 */
async function runAll(world: World, story: Story, kills: Kill[]): Promise<{ end: End; kills: number }> {
  world.whmcs.addFaults = [...story.add];
  world.whmcs.acceptFaults = [...story.accept];
  const directory = world.directory();
  let killed = 0;
  for (let attempt = 1; ;) {
    const { end, process } = await run(world, directory, attempt, story, kills[killed]);
    await world.bury(process);
    if (typeof end === 'string') killed += 1;
    else if (attempt === 1 && end.kind === 'failed' && end.failure.code === 'WHMCS_OUTCOME_UNKNOWN') {
      assert.deepEqual(world.whmcs.added, []);
      attempt = 2;
    } else return { end, kills: killed };
  }
}

describe('A process that ends at any boundary of adding and accepting an order', function () {
  this.timeout(120_000);

  for (const story of stories) {
    it(`leaves one WHMCS order, accepted and set up at most once, when ${story.name}`, async () => {
      let at = 0;
      // Background looks repeat the same few effects: beyond the first of them, samples do.
      for (let killed = true; killed; at += at < 50 ? 1 : 7) {
        for (const when of ['before', 'after'] as const) {
          const world = new World();
          try {
            const { end, kills } = await runAll(world, story, [{ at, when }]);
            killed = kills > 0;
            assertEnd(world, end, `killed ${when} effect ${at}`);
          } finally {
            await world.close();
          }
        }
      }
      assert.ok(at > 25, `only ${at} boundaries were found`);
    });
  }

  it('leaves one WHMCS order when several processes end one after another, at whatever boundaries', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seeded(seed);
      const story = stories[random(stories.length)] ?? noStory;
      const kills = Array.from({ length: 1 + random(4) }, () => ({
        at: random(40),
        when: random(2) ? ('after' as const) : ('before' as const),
      }));
      const world = new World();
      try {
        const { end } = await runAll(world, story, kills);
        assertEnd(world, end, `seed ${seed}, ${story.name}, ${JSON.stringify(kills)}`);
      } finally {
        await world.close();
      }
    }
  });
});

/** Numbers below `n`, the same for the same seed. */
function seeded(seed: number): (n: number) => number {
  let state = seed * 2_654_435_761;
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 1 | state) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 14)) >>> 0) % n;
  };
}

function assertEnd(world: World, end: End | string, where: string): void {
  const { added, accepted, moduleRuns } = world.whmcs;
  assert.equal(added.length, 1, `${where}: WHMCS has orders ${added.join(', ')}`);
  assert.ok(accepted.length <= 1, `${where}: accepted ${accepted.length} times`);
  assert.ok(
    moduleRuns.every((runs) => runs === 1),
    `${where}: modules ran ${moduleRuns.join(', ')} times`,
  );
  if (typeof end === 'string') assert.fail(`${where}: killed again`);
  if (end.kind === 'next') return assert.equal(world.whmcs.order(added[0] ?? 0).status, 'Active', where);
  assert.equal(end.kind === 'failed' && end.failure.code, 'WHMCS_ACCEPT_UNKNOWN', `${where}: ${JSON.stringify(end)}`);
  assert.equal(accepted.length, 0, `${where}: accepted, yet called unknown`);
}
