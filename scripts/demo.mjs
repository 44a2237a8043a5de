/** Builds the pack, then runs the demo (scripts/demo/main.ts) with the same arguments. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Runs a Node script to its end; Ctrl+C goes to the child too, which ends in order. */
function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    process.on('SIGTERM', pass);
    process.on('SIGINT', () => undefined);
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

const built = await run([here('./build.mjs')]);
process.exitCode =
  built === 0 ? await run(['--import', 'tsx', here('./demo/main.ts'), ...process.argv.slice(2)]) : built;
