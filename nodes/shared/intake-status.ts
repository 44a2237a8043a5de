/** The status of a platform event node, from one state object. */
import type { NodeStatus } from 'node-red';
import type { IntakeState } from '../../lib/provisioning/intake';
import type { SubscriberPhase } from '../../lib/salesforce/contract';

const phases: Record<SubscriberPhase, NodeStatus> = {
  stopped: { fill: 'grey', shape: 'ring', text: 'stopped' },
  connecting: { fill: 'yellow', shape: 'ring', text: 'connecting' },
  connected: { fill: 'green', shape: 'dot', text: 'connected' },
  catchingUp: { fill: 'blue', shape: 'dot', text: 'catching up' },
  standingBy: { fill: 'grey', shape: 'dot', text: 'standing by' },
  backingOff: { fill: 'yellow', shape: 'ring', text: 'backing off' },
  deaf: { fill: 'red', shape: 'ring', text: 'deaf' },
  misconfigured: { fill: 'red', shape: 'ring', text: 'misconfigured' },
};

export function intakeStatus(state: IntakeState, unsoundFlow: boolean, now: number): NodeStatus {
  if (state.paused) return { fill: 'grey', shape: 'dot', text: 'paused' };
  if (state.held !== null)
    return { fill: 'red', shape: 'ring', text: (state.held.split(':')[0] ?? 'held').slice(0, 20) };
  const { subscriber } = state;
  if (subscriber === null) return phases.standingBy;
  const base = phases[subscriber.phase];
  if (subscriber.phase === 'backingOff' && subscriber.retryAt !== null) {
    return {
      ...base,
      text: `${subscriber.problem?.code ?? 'backing off'}, ${Math.max(0, Math.round((subscriber.retryAt - now) / 1_000))} s`.slice(
        0,
        30,
      ),
    };
  }
  if (subscriber.phase !== 'connected') return base;
  if (unsoundFlow) return { fill: 'yellow', shape: 'dot', text: 'check flow' };
  return state.inWork > 0 ? { fill: 'blue', shape: 'dot', text: `${state.inWork} in work` } : base;
}
