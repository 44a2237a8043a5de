/** The status of a node whose store is not open. */
import type { NodeStatus } from 'node-red';
import type { StoreProblem } from '../../lib/provisioning/shared-store';

const texts: Record<StoreProblem['code'], string> = {
  LOCKED: 'locked',
  READ_ONLY: 'store read-only',
  CORRUPT: 'store damaged',
  NEWER: 'store of a newer version',
  NETWORK_FS: 'store on a network drive',
  UNAVAILABLE: 'store',
  INVALID: 'store',
  ERROR: 'store',
};

export function storeStatus({ code, ownerPid, triesAgain }: StoreProblem): NodeStatus {
  const owner = ownerPid === null ? '' : ` by pid ${ownerPid}`;
  return { fill: 'red', shape: 'ring', text: `${texts[code]}${owner}${triesAgain ? ', trying again' : ''}` };
}
