/**
 * Opens the store in the given directory in a process of its own, says how that went, and closes it. With a second
 * argument it becomes that user first: only now, since another user may not be able to read Node or this checkout.
 */
import { systemClock } from '../../../lib/clock';
import { StoreError } from '../../../lib/state/contract';
import { openEmbeddedStore } from '../../../lib/state/sqlite/engine';

const { emitWarning } = process;
const user = process.argv[3];
if (user !== undefined) {
  process.setgid?.(Number(user));
  process.setuid?.(Number(user));
}

openEmbeddedStore({ directory: process.argv[2] ?? '', clock: systemClock, instance: 'child' }).then(
  async (store) => {
    process.emitWarning('another thing is experimental', 'ExperimentalWarning');
    await store.close();
    console.log(
      JSON.stringify({
        code: null,
        message: process.emitWarning === emitWarning ? 'warnings as before' : 'warnings filtered',
      }),
    );
  },
  (error: unknown) =>
    console.log(JSON.stringify({ code: error instanceof StoreError ? error.code : 'other', message: String(error) })),
);
