import '../shared/needed-node';
import type { Node, NodeAPI, NodeStatus } from 'node-red';
import { control, controlTopics, subjectsIn, type ControlAnswer } from '../../lib/provisioning/control';
import { failure, toFailure } from '../../lib/provisioning/failure';
import type { Provisioning } from '../../lib/provisioning/provisioning';
import { repairByHand, repairTopics } from '../../lib/provisioning/repair-by-hand';
import { replay } from '../../lib/provisioning/replay-by-hand';
import type { SharedStore } from '../../lib/provisioning/shared-store';
import { forCatch } from '../shared/caught';
import { nodeProblem, nodeProblemText, useConnections } from '../shared/connections';
import { onInput } from '../shared/input';
import { logOf } from '../shared/log';
import { Looks, lookTopics, type Look } from '../shared/looks';
import { intakesOf } from '../shared/registry';
import { StatusLine } from '../shared/status';

const topics = [...controlTopics, ...repairTopics, 'replay', ...lookTopics] as const;
type Topic = (typeof topics)[number];

/** Asks by hand: `msg.topic` names what, `msg.payload` the orders or events, or the place to replay from. */
export = (RED: NodeAPI): void =>
  RED.nodes.registerType('provisioning-control', function (this: Node, definition) {
    RED.nodes.createNode(this, definition);
    const config = definition as unknown as Record<string, unknown>;
    const used = useConnections(RED, this, config, { store: 'provisioning-store' });
    const store = nodeProblem(this, used.problems) ? null : used.connections.store;
    const status = new StatusLine(this);
    const show = (shown: NodeStatus): void => status.show(shown);
    const looks = new Looks({ storeId: String(config['store']), log: logOf(this), show });
    onInput(this, async (message, send, done) => {
      try {
        if (store === null) throw failure('SETTING_MISSING', nodeProblemText(this), 'event');
        const topic = topicOf(message);
        const answer = await answerTo(topic, message, opened(store), looks);
        // The node was closed meanwhile.
        if (answer === null) return done();
        for (const block of answer.blocks) this.warn(block);
        show(answer.status);
        send(Object.assign(message, answer.message));
        done();
      } catch (thrown) {
        const found = toFailure(thrown, 'event');
        message['failure'] = found.part();
        show({ fill: 'red', shape: 'dot', text: found.code });
        done(forCatch(found));
      }
    });
    this.on('close', (done: () => void) => {
      status.close();
      void looks.close().then(done);
    });
  });

function topicOf(message: Record<string, unknown>): Topic {
  const topic = topics.find((known) => known === message['topic']);
  if (topic !== undefined) return topic;
  const text = `msg.topic must be one of ${topics.join(', ')}; it is ${JSON.stringify(message['topic'])}`;
  throw failure('MESSAGE_INCOMPLETE', text, 'event');
}

function opened({ provisioning, problem }: SharedStore): Provisioning {
  if (provisioning !== null) return provisioning;
  throw failure('STORE_UNAVAILABLE', problem?.message ?? 'The store is being opened; try again', 'event');
}

async function answerTo(
  topic: Topic,
  message: Record<string, unknown>,
  provisioning: Provisioning,
  looks: Looks,
): Promise<Look | null> {
  const payload = message['payload'];
  const look = lookTopics.find((known) => known === topic);
  if (look !== undefined) return looks.look(look, payload, provisioning);
  const answers = await answersTo(topic, message, provisioning);
  const carried = answers.filter((one) => one.done).length;
  const text = `${topic}: ${carried} of ${answers.length}`;
  return {
    message: { payload: answers },
    blocks: [],
    status: { fill: carried > 0 ? 'green' : 'yellow', shape: 'dot', text },
  };
}

function answersTo(
  topic: Topic,
  { payload, until }: Record<string, unknown>,
  provisioning: Provisioning,
): Promise<ControlAnswer[]> {
  const intakes = intakesOf(provisioning);
  const asked = controlTopics.find((known) => known === topic);
  if (asked !== undefined) return control(asked, subjectsIn(payload), instant(until), { provisioning, intakes });
  const repair = repairTopics.find((known) => known === topic);
  return repair === undefined
    ? replay(payload, intakes, provisioning.clock.now())
    : repairByHand(repair, payload, provisioning);
}

function instant(until: unknown): number | null {
  if (typeof until === 'number') return until;
  return typeof until === 'string' ? Date.parse(until) : null;
}
