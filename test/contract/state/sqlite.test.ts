import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedStore } from '../../../lib/state/sqlite/engine';
import { FakeClock } from '../../fake-clock';
import { stateContract } from './suite';

/** One for all processes of a place, as those of a host have one. */
const clocks = new Map<string, FakeClock>();

stateContract({
  name: 'embedded',
  childModule: join(__dirname, 'sqlite-child.ts'),
  oneProcess: true,
  newPlace: () => mkdtemp(join(tmpdir(), 'order-provisioning-state-')),
  forgetPlace: (place) => rm(place, { recursive: true, force: true }),
  async open(place, instance) {
    const clock = clocks.get(place) ?? new FakeClock(Date.now());
    clocks.set(place, clock);
    const store = await openEmbeddedStore({ directory: place, clock, instance });
    return { store, elapse: (ms) => clock.advance(ms) };
  },
});
