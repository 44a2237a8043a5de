/** A package in a temporary folder, with this checkout's node_modules, to try the build on. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const repository = path.resolve(__dirname, '../../..');

export interface ScratchPackage {
  folder: string;
  write(file: string, text: string): void;
  /** Runs the build. */
  build(...args: string[]): Promise<{ code: number; output: string }>;
  remove(): void;
}

export interface Manifest {
  nodes?: Record<string, string>;
  plugins?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

export function scratchPackage(manifest: Manifest = {}): ScratchPackage {
  const folder = mkdtempSync(path.join(tmpdir(), 'scratch-package-'));
  symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  const { dependencies = {}, devDependencies = {}, nodes = {}, plugins } = manifest;
  const scratch: ScratchPackage = {
    folder,
    write(file, text) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    },
    build: (...args) => runNode([path.join(repository, 'scripts/build.mjs'), ...args], folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  scratch.write(
    'package.json',
    JSON.stringify({
      name: 'scratch',
      version: '1.0.0',
      'node-red': { nodes, plugins },
      dependencies,
      devDependencies,
    }),
  );
  return scratch;
}

/** Runs a script on this Node, for a minute at most where nothing else is said. */
export function runNode(
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
  limitMs = 60_000,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env, timeout: limitMs }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
    });
  });
}
