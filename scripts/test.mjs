/**
 * Runs everything that must hold: types, lint, format, build, and the test suites.
 *
 *   npm test                      all of it
 *   npm test -- unit flows        these parts
 *   npm test -- test/unit/x.test.ts …   these test files
 *
 * Two parts run at a time. What a part prints is shown when it has ended. The last line sums up: `N passed, N failed`,
 * where a check counts as one.
 */
import process from 'node:process';
import { chromiumForTests } from './test/chromium.mjs';
import { checkPart, filesPart, partNames, suitePart } from './test/parts.mjs';
import { Progress } from './test/progress.mjs';
import { endRunningParts, runPart } from './test/run-part.mjs';
import { missingServers } from './test/servers.mjs';

const AT_ONCE = 2;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    endRunningParts();
    process.exit(1);
  });
}

const wanted = process.argv.slice(2);
const files = wanted.filter((name) => name.endsWith('.ts'));
const names = wanted.filter((name) => !name.endsWith('.ts'));
const unknown = names.filter((name) => !partNames.includes(name));
if (unknown.length) {
  console.error(`There is no part ${unknown.join(', ')}. There are: ${partNames.join(', ')}, and test files.`);
  process.exit(1);
}

const progress = new Progress();
const waiting = (wanted.length ? names : partNames).map((name) => checkPart(name) ?? suitePart(name));
if (files.length) waiting.push(filesPart(files));
const results = [];
await Promise.all(Array.from({ length: AT_ONCE }, runWaiting));
progress.end();

const total = { passed: 0, failed: 0 };
for (const { name, passed, failed } of results) {
  total.passed += passed;
  total.failed += failed;
  if (failed) console.log(`${name}: ${failed} failed`);
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed || !total.passed ? 1 : 0;

async function runWaiting() {
  for (let part = waiting.shift(); part; part = waiting.shift()) {
    const result = await run(part);
    results.push({ name: part.name, ...result });
    progress.partEnded(part.name, result);
  }
}

async function run(part) {
  const env = {};
  if (part.tests === 0) return { passed: 0, failed: 0, seconds: 0, output: 'no tests yet\n' };
  if (part.needsChromium) {
    const chromium = await chromiumForTests();
    // Left out, the suite would look green.
    if (!chromium.path) return { passed: 0, failed: 1, seconds: 0, output: `${chromium.missing}\n` };
    env.CHROMIUM_PATH = chromium.path;
  }
  if (part.needsServers) {
    const missing = await missingServers();
    if (missing) return { passed: 0, failed: 1, seconds: 0, output: `${missing}\n` };
  }
  return runPart(part, env, (counts) => progress.counted(part.name, counts));
}
