'use strict';
/**
 * A mocha reporter for a suite run by `npm test`: tells its parent of each test, and prints the failures alone.
 *
 * A suite that does not end by itself holds something open; what it holds is printed before the parent ends it.
 */
const Mocha = require('mocha');

const { EVENT_RUN_BEGIN, EVENT_RUN_END, EVENT_TEST_FAIL, EVENT_TEST_PASS } = Mocha.Runner.constants;
const LOOK_AFTER_MS = 5_000;

module.exports = class SuiteReporter extends Mocha.reporters.Base {
  constructor(runner, options) {
    super(runner, options);
    const tell = (message) => process.send?.(message);
    runner.once(EVENT_RUN_BEGIN, () => tell({ total: runner.total }));
    runner.on(EVENT_TEST_PASS, () => tell({ passed: 1 }));
    runner.on(EVENT_TEST_FAIL, () => tell({ failed: 1 }));
    runner.once(EVENT_RUN_END, () => {
      if (this.failures.length) Mocha.reporters.Base.list(this.failures);
      tell({ ended: true });
      setTimeout(() => {
        console.log(`Still open after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
      }, LOOK_AFTER_MS).unref();
    });
  }
};
