import type { Node, NodeAPI } from 'node-red';
import { control, controlTopics, subjectsIn } from '../../lib/provisioning/control';
import { nodeProblem, useConnections } from '../shared/connections';
import { onInput } from '../shared/input';
import { intakesOf } from '../shared/registry';

/** Asks by hand: `msg.topic` names what, `msg.payload` the orders or events. */
export = (RED: NodeAPI): void =>
  RED.nodes.registerType('provisioning-control', function (this: Node, definition) {
    RED.nodes.createNode(this, definition);
    const used = useConnections(RED, this, definition as unknown as Record<string, unknown>, {
      store: 'provisioning-store',
    });
    if (nodeProblem(this, used.problems)) return;
    const { store } = used.connections;
    onInput(this, async (message, send, done) => {
      const topic = controlTopics.find((known) => known === message['topic']);
      if (topic === undefined)
        throw new Error(
          `msg.topic must be one of ${controlTopics.join(', ')}; it is ${JSON.stringify(message['topic'])}`,
        );
      const { provisioning, problem } = store;
      if (provisioning === null) throw new Error(problem?.message ?? 'The store is being opened; try again');
      const answers = await control(topic, subjectsIn(message['payload']), instant(message['until']), {
        provisioning,
        intakes: intakesOf(provisioning),
      });
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
