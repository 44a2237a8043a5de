/** Opens the store in the given directory in a process of its own, says how that went, and closes it. */
import { systemClock } from '../../../lib/clock';
import { StoreError } from '../../../lib/state/contract';
import { openEmbeddedStore } from '../../../lib/state/sqlite/engine';

const { emitWarning } = process;

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
