/** Builds the pack, then runs the demo (scripts/demo/main.ts) with the same arguments. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
let child = null;
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    // A terminal sends Ctrl+C to the child as well.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child?.kill(signal);
  });
}

/** Runs a Node script to its end, which it reaches in order when it is interrupted; the exit code. */
function run(args) {
  return new Promise((resolve) => {
    child = spawn(process.execPath, args, { stdio: 'inherit' });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

const built = await run([here('./build.mjs')]);
process.exitCode =
  built === 0 && !interrupted
    ? await run(['--import', 'tsx', here('./demo/main.ts'), ...process.argv.slice(2)])
    : built || 130;
