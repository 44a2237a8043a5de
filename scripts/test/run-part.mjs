/** Runs one part as a process of its own, and sees to it that it ends with all that it started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a suite may live on after its last test. */
const END_LIMIT_MS = 15_000;
/** How long what the part started may outlive it: esbuild's service sees its parent go and ends a little later. */
const STRAY_LIMIT_MS = 3_000;
/** Parts lead process groups, so that a killed part takes its children with it. */
const HAS_GROUPS = process.platform !== 'win32';
const running = new Set();

/**
 * @param {import('./parts.mjs').Part} part
 * @param {Record<string, string>} env added to this process's environment
 * @param {(counts: { passed: number, failed: number, total: number }) => void} onCount
 * @returns {Promise<{ passed: number, failed: number, seconds: number, output: string }>}
 */
export async function runPart(part, env, onCount) {
  const started = performance.now();
  const counts = { passed: 0, failed: 0, total: 0 };
  let output = '';
  let ended = false;
  let endTimer;
  const child = spawn(process.execPath, part.args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...env },
    detached: HAS_GROUPS,
  });
  running.add(child);
  const limit = setTimeout(() => kill(`not ended after ${part.limitMs / 1000} s`), part.limitMs);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  child.on('message', (message) => {
    counts.passed += message.passed ?? 0;
    counts.failed += message.failed ?? 0;
    counts.total = message.total ?? counts.total;
    if (message.ended) {
      ended = true;
      endTimer = setTimeout(() => kill('a handle was left open: the suite does not end by itself'), END_LIMIT_MS);
    }
    onCount(counts);
  });

  function fault(text) {
    output += `${part.name}: ${text}\n`;
    counts.failed += 1;
  }
  function kill(text) {
    fault(text);
    killGroup(child);
  }

  const closed = once(child, 'close');
  const [code, signal] = await once(child, 'exit');
  clearTimeout(limit);
  clearTimeout(endTimer);
  if (!part.isSuite) counts[code === 0 ? 'passed' : 'failed'] += 1;
  else if ((code !== 0 || !ended) && !counts.failed) fault(`ended by ${signal ?? `exit code ${code}`}`);
  if (!(await groupEnded(child))) fault('a process was left running');
  killGroup(child);
  await closed;
  running.delete(child);
  return { ...counts, seconds: (performance.now() - started) / 1000, output };
}

export function endRunningParts() {
  for (const child of running) killGroup(child);
}

/** Waits a little for what the part started to end by itself. */
async function groupEnded(child) {
  const until = performance.now() + STRAY_LIMIT_MS;
  while (signalGroup(child, 0)) {
    if (performance.now() > until) return false;
    await pause(50);
  }
  return true;
}

function killGroup(child) {
  signalGroup(child, 'SIGKILL');
}

/** @returns {boolean} whether there was anything to signal. */
function signalGroup(child, signal) {
  try {
    return HAS_GROUPS ? process.kill(-child.pid, signal) : child.kill(signal);
  } catch {
    return false;
  }
}
