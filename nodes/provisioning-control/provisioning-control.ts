import type { Node, NodeAPI } from 'node-red';
import { control, controlTopics, subjectsIn } from '../../lib/provisioning/control';
import { replay } from '../../lib/provisioning/replay-by-hand';
import { nodeProblem, useConnections } from '../shared/connections';
import { onInput } from '../shared/input';
import { intakesOf } from '../shared/registry';

const topics = [...controlTopics, 'replay'] as const;

/** Asks by hand: `msg.topic` names what, `msg.payload` the orders or events, or the place to replay from. */
export = (RED: NodeAPI): void =>
  RED.nodes.registerType('provisioning-control', function (this: Node, definition) {
    RED.nodes.createNode(this, definition);
    const used = useConnections(RED, this, definition as unknown as Record<string, unknown>, {
      store: 'provisioning-store',
    });
    if (nodeProblem(this, used.problems)) return;
    const { store } = used.connections;
    onInput(this, async (message, send, done) => {
      const topic = topics.find((known) => known === message['topic']);
      if (topic === undefined)
        throw new Error(`msg.topic must be one of ${topics.join(', ')}; it is ${JSON.stringify(message['topic'])}`);
      const { provisioning, problem } = store;
      if (provisioning === null) throw new Error(problem?.message ?? 'The store is being opened; try again');
      const intakes = intakesOf(provisioning);
      const payload = message['payload'];
      const answers =
        topic === 'replay'
          ? await replay(payload, intakes, provisioning.clock.now())
          : await control(topic, subjectsIn(payload), instant(message['until']), { provisioning, intakes });
      const carried = answers.filter((one) => one.done).length;
      this.status({
        fill: carried > 0 ? 'green' : 'yellow',
        shape: 'dot',
        text: `${topic}: ${carried} of ${answers.length}`,
      });
      message['payload'] = answers;
      send(message);
      done();
    });
  });

function instant(until: unknown): number | null {
  if (typeof until === 'number') return until;
  return typeof until === 'string' ? Date.parse(until) : null;
}
