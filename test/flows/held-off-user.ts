/**
 * A user whom file modes hold off, to start processes as. Root may write everywhere, so for root it is another one; where that
 * one cannot run what we run (a Node or a checkout in root's own folder), what rests on file modes cannot be tested.
 */
import { spawnSync } from 'node:child_process';
import { repository } from '../unit/build/scratch-package';

const nobody = 65_534;

function canRun(uid: number): boolean {
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', '--eval', ''], { uid, cwd: repository });
  return status === 0;
}

const isRoot = process.getuid?.() === 0;

/** For spawn's `uid`; undefined: as we are. */
export const heldOffUser: number | undefined = isRoot && canRun(nobody) ? nobody : undefined;

/** Whether file modes hold `heldOffUser` off. */
export const modesHold: boolean = !isRoot || heldOffUser !== undefined;

if (!modesHold)
  console.log(
    '  Left out: what rests on file modes. Root ignores them, and no other user can run this Node and checkout.',
  );
