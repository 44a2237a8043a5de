'use strict';
/**
 * Runs a script on a Node that is new enough: node scripts/with-node.cjs script.mjs [arguments].
 *
 * This file alone may run on an old Node (12 and later), so it keeps to old syntax. An old Node fetches a pinned one
 * from npm, once; after that it comes from npm's cache. The package with the binary itself is asked for, not `node`:
 * that one fetches the binary in an install script, which npm 12 blocks.
 */
const { spawn, spawnSync } = require('child_process');
const path = require('path');

const OLDEST = [22, 13];
const PINNED = '22.23.2';
const FETCH_LIMIT_MS = 10 * 60 * 1000;

const [script, ...args] = process.argv.slice(2);
if (!script) fail('Usage: node scripts/with-node.cjs script [arguments]');
run(newEnough() ? process.execPath : fetchNode());

function newEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** The path of the pinned Node's binary, fetched where it is not in npm's cache yet. */
function fetchNode() {
  console.error(`Node ${process.versions.node} is older than ${OLDEST.join('.')}: using Node ${PINNED} from npm.`);
  const command = ['exec', '--yes', `--package=${packageOfNode()}@${PINNED}`, '--', 'node', '-p', 'process.execPath'];
  const npm = process.env.npm_execpath;
  const options = { encoding: 'utf8', timeout: FETCH_LIMIT_MS, stdio: ['ignore', 'pipe', 'pipe'] };
  const answer = npm
    ? spawnSync(process.execPath, [npm, ...command], options)
    : spawnSync('npm', command, { ...options, shell: process.platform === 'win32' });
  const found = (answer.stdout || '').trim();
  if (answer.status === 0 && path.isAbsolute(found) && found !== process.execPath) return found;
  const reason = answer.error
    ? answer.error.message
    : ((answer.stderr || '').match(/^npm error .+/m) || ['no reason'])[0];
  return fail(
    `Node ${PINNED} can't be had from npm (${reason}). Install Node ${OLDEST.join('.')} or newer and try again.`,
  );
}

function packageOfNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  return `${prefix}-${platform}-${process.arch}`;
}

/** Runs the script on `node`; what the script starts finds that Node first. Exit code and signals are handed through. */
function run(node) {
  const env = { ...process.env, NODE: node, npm_node_execpath: node };
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') || 'PATH';
  env[pathKey] = path.dirname(node) + path.delimiter + (env[pathKey] || '');
  const child = spawn(node, [script, ...args], { stdio: 'inherit', env });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // A terminal sends Ctrl-C to the child as well; a second one would cut its clean end short.
    const fromTerminal = signal === 'SIGINT' && process.stdin.isTTY;
    process.on(signal, () => !fromTerminal && child.kill(signal));
  }
  child.on('error', (error) => fail(`${node} can't be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
