import assert from 'node:assert/strict';
import { transport } from '../../contract/events/pubsub-transport';
import { moment, Scene } from '../../contract/events/scene';
import { until } from '../../until';

/** The API says nothing when it takes a subscription, until there is an event or a minute has passed. */
describe('A subscription over Pub/Sub', () => {
  const scene = new Scene(transport);

  it('counts as taken a second after it was not refused, and sooner after an event', async () => {
    const one = scene.subscribe();
    await until('the subscription', () => scene.starts().length === 1);
    await moment();
    await one.clock.advance(900);
    assert.equal(one.state.phase, 'connecting');
    await one.clock.advance(100);
    assert.equal(one.state.phase, 'connected');
    await one.close();

    const two = scene.subscribe();
    await until('the next subscription', () => scene.starts().length === 2);
    scene.publish();
    await until('the event', () => two.sink.events.length === 1);
    assert.equal(two.state.phase, 'connected');
  });

  it('that is refused after the headers is never told as taken, however often it is tried (B8)', async () => {
    scene.org.panel.switches({ headersAtOnce: true });
    scene.org.panel.fault({ call: 'Subscribe', times: 8, do: { kind: 'grpc', code: 13, details: 'no' } });
    const one = scene.subscribe();
    // Our clock stands while a refusal is on its way.
    while (one.waits.length < 8) {
      await one.clock.advance((one.state.retryAt ?? one.clock.now()) - one.clock.now());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(one.phases.includes('connected'), false);
    assert.ok(!one.log.of('info').some((text) => /Subscribed|is back/.test(text)));
    assert.equal(one.log.of('warn').length, 1);
    await one.until('connected', () => one.state.phase === 'connected', 100);
  });
});
