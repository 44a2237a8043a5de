import assert from 'node:assert/strict';
import { VirtualClock } from '../../../../simulators/shared/virtual-clock';

describe('the virtual clock of a simulator', () => {
  const start = Date.UTC(2026, 0, 5, 9);
  let clock: VirtualClock;
  beforeEach(() => {
    clock = new VirtualClock(start);
  });
  afterEach(() => clock.close());

  const pauseReal = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('starts where it is told and runs as real time does', async () => {
    assert.ok(clock.now() - start < 1_000);
    const before = clock.now();
    await pauseReal(15);
    assert.ok(clock.now() - before >= 10 && clock.now() - before < 1_000);
    assert.match(clock.iso(), /^2026-01-05T09:00:0/);
  });

  it('fires timers on the way, in order, each at its own instant, those made on the way too', () => {
    const fired: [string, number][] = [];
    const note = (name: string): void => void fired.push([name, Math.round((clock.now() - start) / 1_000)]);
    clock.after(20_000, () => note('late'));
    clock.after(10_000, () => {
      note('early');
      clock.after(5_000, () => note('made on the way'));
    });
    clock.after(90_000, () => note('not yet'));
    clock.advance(60_000);
    assert.deepEqual(fired, [
      ['early', 10],
      ['made on the way', 15],
      ['late', 20],
    ]);
    assert.equal(Math.round((clock.now() - start) / 1_000), 60);
  });

  it('fires a timer in real time, sooner after an advance', async () => {
    let fired = 0;
    clock.after(20, () => fired++);
    clock.after(60_015, () => fired++);
    clock.after(120_000, () => fired++);
    clock.advance(60_000 - 20);
    assert.equal(fired, 1);
    await pauseReal(80);
    assert.equal(fired, 2);
  });

  it('forgets a cancelled timer, and all of them on reset and close', async () => {
    let fired = 0;
    clock.after(10, () => fired++).cancel();
    clock.after(10, () => fired++);
    clock.reset();
    clock.after(10, () => fired++);
    clock.close();
    clock.advance(1_000);
    await pauseReal(30);
    assert.equal(fired, 0);
  });

  it('goes back to its start on reset', () => {
    clock.advance(3_600_000);
    clock.reset();
    assert.ok(clock.now() - start < 1_000);
  });
});
