import assert from 'node:assert/strict';
import { Handouts } from '../../../lib/provisioning/handouts';
import type { InboxEvent } from '../../../lib/state/contract';
import { FakeClock } from '../../fake-clock';

describe('The hand-outs under way', () => {
  const event = (handout: number): InboxEvent =>
    ({ id: 'ev-1', handout, channel: 'c', receivedAt: 0 }) as unknown as InboxEvent;

  it('tell of one that is over, not of one that a newer has replaced', () => {
    const handouts = new Handouts(new FakeClock());
    const over: number[] = [];
    const off = handouts.onEnd(({ handout }) => over.push(handout));
    handouts.begin(event(1), 'order', 'm1');
    handouts.begin(event(2), 'order', 'm2');
    assert.deepEqual(over, []);
    assert.equal(handouts.ofMessage('m1'), undefined);
    handouts.end('ev-1', 1);
    assert.deepEqual(over, [], 'the older one is over already');
    assert.equal(handouts.isCurrent('ev-1', 2), true);
    handouts.end('ev-1', 2);
    handouts.end('ev-1', 2);
    assert.deepEqual(over, [2]);
    off();
    handouts.begin(event(3), 'order', 'm3');
    handouts.end('ev-1');
    assert.deepEqual(over, [2]);
  });

  it('go out again where a deploy met their message between two nodes, unless it comes after all', async () => {
    const clock = new FakeClock();
    const handouts = new Handouts(clock);
    const of = (id: string): ReturnType<Handouts['begin']> =>
      handouts.begin({ ...event(1), id }, `order of ${id}`, `message of ${id}`);
    const [resting, working] = [of('resting'), of('working')];
    handouts.enter(working, 'add order');
    await clock.advance(1_500);
    const [sent, comes] = [of('sent'), of('comes')];
    handouts.loseJustSent(1_000);
    const lost = (): boolean[] => [resting, working, sent, comes].map(({ undelivered }) => undelivered);
    assert.deepEqual(lost(), [false, false, true, true]);
    handouts.enter(comes, 'accept order').leave();
    assert.deepEqual(lost(), [false, false, true, false]);
  });
});
