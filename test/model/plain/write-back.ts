/** The result of attempt 1 that is told late, beside a Retry and the result of attempt 2 (F7). */
import type { Model } from '../explorer';

export interface WriteBackOptions {
  /** How a write is fenced: not, by an exact version, by a version of whole seconds, by the attempt's number. */
  fence: 'none' | 'version' | 'second' | 'attempt';
}

interface Patch {
  status: 'Failed' | 'Activated';
  attempt: 1 | 2;
  version: number;
  sameSecond?: true;
}
interface State {
  salesforce: { status: 'Activating' | 'Failed' | 'Activated'; version: number; attempt: 1 | 2 };
  flying: Patch[];
  first: 'fail' | 'wait' | 'reread' | 'ack';
  second: 'none' | 'queued' | 'work' | 'wait' | 'reread' | 'ack' | 'skipped';
  secondVersion: number;
  retried: boolean;
  tries: number;
  lost: number;
  overwritten: boolean;
}

const failed: Patch = { status: 'Failed', attempt: 1, version: 0 };

export const writeBack: Model<State, WriteBackOptions> = {
  init: () => ({
    salesforce: { status: 'Activating', version: 0, attempt: 1 },
    flying: [],
    first: 'fail',
    second: 'none',
    secondVersion: 0,
    retried: false,
    tries: 0,
    lost: 0,
    overwritten: false,
  }),
  next(state, { fence }, go) {
    state.flying.forEach((patch, at) => {
      go(`the PATCH ${patch.status} of attempt ${patch.attempt} reaches Salesforce`, (next) => {
        next.flying.splice(at, 1);
        const end = apply(next, patch, fence) ? 'ack' : 'reread';
        if (patch.attempt === 1 && next.first === 'wait') next.first = end;
        if (patch.attempt === 2 && next.second === 'wait') next.second = end;
      });
      if (fence === 'second' && !patch.sameSecond)
        go('~within the same second', (next) =>
          next.flying.forEach((one, place) => place === at && (one.sameSecond = true)),
        );
    });
    if (state.salesforce.status === 'Failed' && !state.retried)
      go('a person presses Retry', (next) => {
        next.retried = true;
        next.salesforce = { status: 'Activating', version: next.salesforce.version + 1, attempt: 2 };
        next.second = 'queued';
      });
    if (state.first === 'fail')
      go('attempt 1 fails, its PATCH is sent', (next) => {
        next.first = 'wait';
        next.flying.push({ ...failed });
        next.tries += 1;
      });
    if (state.first === 'wait' && state.lost < 2)
      go('~the answer is lost, or the worker is killed and starts again', (next) => {
        next.lost += 1;
        next.first = 'reread';
      });
    if (state.first === 'reread') go('attempt 1 reads again', (next) => readAgain(next, fence));
    if (state.second === 'queued' && state.first === 'ack')
      go('attempt 2 looks', (next) => {
        next.second = next.salesforce.status === 'Activating' ? 'work' : 'skipped';
        next.secondVersion = next.salesforce.version;
      });
    if (state.second === 'work')
      go('attempt 2 succeeds, its PATCH is sent', (next) => {
        next.second = 'wait';
        next.flying.push({ status: 'Activated', attempt: 2, version: next.secondVersion });
      });
  },
  bad: ({ overwritten }) => (overwritten ? 'AN OLDER ATTEMPT OVERWROTE THE NEWER' : null),
  end: ({ retried, second, salesforce }) =>
    retried && second === 'ack' && salesforce.status === 'Failed'
      ? 'FAILED AT REST ALTHOUGH ATTEMPT 2 PROVISIONED'
      : null,
};

function apply(next: State, patch: Patch, fence: WriteBackOptions['fence']): boolean {
  const { salesforce } = next;
  const sameVersion = patch.version === salesforce.version;
  const passes = {
    none: true,
    version: sameVersion,
    second: sameVersion || patch.sameSecond === true,
    attempt: patch.attempt === salesforce.attempt,
  };
  if (!passes[fence]) return false;
  if (patch.attempt < salesforce.attempt) next.overwritten = true;
  salesforce.status = patch.status;
  salesforce.version += 1;
  return true;
}

function readAgain(next: State, fence: WriteBackOptions['fence']): void {
  const { status, attempt, version } = next.salesforce;
  const isOvertaken = { none: false, version: version !== 0, second: version !== 0, attempt: attempt !== 1 };
  if (status === 'Failed' || isOvertaken[fence] || next.tries > 2) {
    next.first = 'ack';
    return;
  }
  next.first = 'wait';
  next.tries += 1;
  next.flying.push({ ...failed });
}
