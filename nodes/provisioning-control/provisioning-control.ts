import '../shared/needed-node';
import type { Node, NodeAPI } from 'node-red';
import { control, controlTopics, subjectsIn, type ControlAnswer } from '../../lib/provisioning/control';
import { failure, toFailure } from '../../lib/provisioning/failure';
import { replay } from '../../lib/provisioning/replay-by-hand';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import { forCatch } from '../shared/caught';
import { nodeProblem, nodeProblemText, useConnections } from '../shared/connections';
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
    const store = nodeProblem(this, used.problems) ? null : used.connections.store;
    onInput(this, async (message, send, done) => {
      try {
        const answers = await answersTo(message, this, store);
        const carried = answers.filter((one) => one.done).length;
        this.status({
          fill: carried > 0 ? 'green' : 'yellow',
          shape: 'dot',
          text: `${String(message['topic'])}: ${carried} of ${answers.length}`,
        });
        message['payload'] = answers;
        send(message);
        done();
      } catch (thrown) {
        const found = toFailure(thrown, 'event');
        message['failure'] = found.part();
        this.status({ fill: 'red', shape: 'dot', text: found.code });
        done(forCatch(found));
      }
    });
  });

async function answersTo(
  message: Record<string, unknown>,
  node: Node,
  store: SharedStore | null,
): Promise<ControlAnswer[]> {
  if (store === null) throw failure('SETTING_MISSING', nodeProblemText(node), 'event');
  const topic = topics.find((known) => known === message['topic']);
  if (topic === undefined) {
    const text = `msg.topic must be one of ${topics.join(', ')}; it is ${JSON.stringify(message['topic'])}`;
    throw failure('MESSAGE_INCOMPLETE', text, 'event');
  }
  const { provisioning, problem } = store;
  if (provisioning === null)
    throw failure('STORE_UNAVAILABLE', problem?.message ?? 'The store is being opened; try again', 'event');
  const intakes = intakesOf(provisioning);
  const payload = message['payload'];
  return topic === 'replay'
    ? replay(payload, intakes, provisioning.clock.now())
    : control(topic, subjectsIn(payload), instant(message['until']), { provisioning, intakes });
}

function instant(until: unknown): number | null {
  if (typeof until === 'number') return until;
  return typeof until === 'string' ? Date.parse(until) : null;
}
