import assert from 'node:assert/strict';
import type { StoreProblem } from '../../../lib/provisioning/shared-store';
import { storeStatus } from '../../../nodes/shared/store-status';

describe('The status of a node whose store is not open', () => {
  const text = (code: StoreProblem['code'], triesAgain: boolean, ownerPid: number | null = null): string =>
    storeStatus({ code, message: 'not shown: /a/path', ownerPid, triesAgain }).text ?? '';

  it('names the process that owns it, where that is known, and whether it is tried again', () => {
    assert.equal(text('LOCKED', true, 4711), 'locked by pid 4711, trying again');
    assert.equal(text('LOCKED', true), 'locked, trying again');
  });

  it('says in a few words what is wrong, never where', () => {
    const words = (['READ_ONLY', 'CORRUPT', 'NEWER', 'NETWORK_FS', 'UNAVAILABLE', 'INVALID', 'ERROR'] as const).map(
      (code) => text(code, code === 'READ_ONLY'),
    );
    assert.deepEqual(words, [
      'store read-only, trying again',
      'store damaged',
      'store of a newer version',
      'store on a network drive',
      'store',
      'store',
      'store',
    ]);
  });

  it('is red', () => {
    assert.equal(storeStatus({ code: 'CORRUPT', message: '', ownerPid: null, triesAgain: false }).fill, 'red');
  });
});
