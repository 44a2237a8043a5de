import assert from 'node:assert/strict';
import { Places } from '../../../lib/salesforce/events/one-stream';

describe('The place of a channel in a process', () => {
  const places = new Places();
  const open = new AbortController().signal;
  const nobodyWaits = (): void => assert.fail('it waits');

  it('is had by one at a time, in the order of asking, and by anybody once all have left', async () => {
    const got: number[] = [];
    let waiting = 0;
    const leaves = [await places.take('one', open, nobodyWaits)];
    const others = [1, 2].map((n) =>
      places
        .take('one', open, () => (waiting += 1))
        .then((leave) => {
          got.push(n);
          leaves.push(leave);
        }),
    );
    assert.equal(waiting, 2);
    await new Promise(setImmediate);
    assert.deepEqual(got, []);
    leaves[0]?.();
    leaves[0]?.();
    await others[0];
    await new Promise(setImmediate);
    assert.deepEqual(got, [1]);
    leaves[1]?.();
    await others[1];
    leaves[2]?.();
    const leave = await places.take('one', open, nobodyWaits);
    leave();
  });

  it('is another for another channel', async () => {
    const one = await places.take('one', open, nobodyWaits);
    const two = await places.take('two', open, nobodyWaits);
    one();
    two();
  });

  it('is not given to one who has left the line', async () => {
    const leave = await places.take('one', open, nobodyWaits);
    const leaving = new AbortController();
    const first = places.take('one', leaving.signal, () => undefined);
    const second = places.take('one', open, () => undefined);
    leaving.abort(new Error('I leave'));
    await assert.rejects(first, /I leave/);
    leave();
    (await second)();
    await assert.rejects(places.take('one', leaving.signal, nobodyWaits), /I leave/);
    (await places.take('one', open, nobodyWaits))();
  });
});
