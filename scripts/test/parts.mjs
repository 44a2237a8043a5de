/** The parts of `npm test`: what each runs, and how long it may take. */
import { globSync } from 'node:fs';

const MINUTE = 60_000;

const CHECKS = {
  types: ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'],
  lint: ['node_modules/eslint/bin/eslint.js', '.'],
  format: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  build: ['scripts/build.mjs'],
};
/** Each is a folder of test/. */
const SUITES = {
  model: 5 * MINUTE,
  unit: 30 * MINUTE,
  contract: 15 * MINUTE,
  nodes: 15 * MINUTE,
  flows: 25 * MINUTE,
  prove: 20 * MINUTE,
  browser: 20 * MINUTE,
};

/** Folders of test/ whose suites start servers of their own. */
const WITH_SERVERS = ['contract', 'nodes', 'flows', 'prove'];

export const partNames = [...Object.keys(CHECKS), ...Object.keys(SUITES)];

/**
 * @typedef {object} Part
 * @property {string} name
 * @property {string[]} args for node
 * @property {number} limitMs
 * @property {boolean} isSuite a mocha run, which tells of each test
 * @property {number} [tests] how many test files a suite has
 * @property {boolean} [needsChromium]
 * @property {boolean} [needsServers] Redis and PostgreSQL
 */

/** @returns {Part | undefined} */
export function checkPart(name) {
  return CHECKS[name] && { name, args: CHECKS[name], limitMs: 10 * MINUTE, isSuite: false };
}

/** @returns {Part} */
export function suitePart(name) {
  const files = globSync(`test/${name}/**/*.test.ts`).sort();
  const needs = { needsChromium: name === 'browser', needsServers: WITH_SERVERS.includes(name) };
  return { ...mochaRun(name, files, SUITES[name]), ...needs };
}

/** @returns {Part} */
export function filesPart(files) {
  const needsChromium = files.some((file) => file.includes('test/browser/'));
  const needsServers = files.some((file) => WITH_SERVERS.some((name) => file.includes(`test/${name}/`)));
  return { ...mochaRun('files', files, 25 * MINUTE), needsChromium, needsServers };
}

function mochaRun(name, files, limitMs) {
  const args = ['node_modules/mocha/bin/mocha.js', '--reporter', 'scripts/test/suite-reporter.cjs', ...files];
  return { name, args, limitMs, isSuite: true, tests: files.length };
}
