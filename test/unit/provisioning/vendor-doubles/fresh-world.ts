/** For each test a world of its own, and how to read the ends of its steps. */
import assert from 'node:assert/strict';
import { World, type End, type Process } from './world';

/**
 * Inside a `describe`: each test begins with a world made anew and one process in it. Outside of one mocha would do so for
 * the tests of all files.
 * @param begun is told them, and may do more before the test begins.
 */
export function inAFreshWorld(
  begun: (world: World, process: Process, directory: string) => void | Promise<void>,
): void {
  let world: World | undefined;
  beforeEach(async () => {
    world = new World();
    const directory = world.directory();
    const process = await world.process(directory);
    await process.begin();
    await begun(world, process, directory);
  });
  afterEach(() => world?.close());
}

/** The code that a step failed with, else how it ended. */
export const code = (end: End): string => (end.kind === 'failed' ? end.failure.code : end.kind);

export const text = (end: End): string =>
  end.kind === 'failed' ? end.failure.message : end.kind === 'parked' ? end.reason : '';

/** What it gave the message. */
export const part = (end: End) => {
  if (end.kind !== 'next') assert.fail(`${code(end)}: ${text(end)}`);
  return end.part;
};
