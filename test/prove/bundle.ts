/** The worker as one file, so that it starts quickly; for teeth with one rule of the source taken out. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';

export const root = join(__dirname, '../..');

/** Text of a source file, and what stands in its place. */
export interface Patch {
  file: string;
  from: string;
  to: string;
}

/**
 * @returns once `out` is written.
 * @throws when a patch's text is not found exactly once.
 */
export async function bundleWorker(out: string, patches: readonly Patch[] = []): Promise<void> {
  const applied = new Set<Patch>();
  await build({
    entryPoints: [join(root, 'test/prove/worker.ts')],
    outfile: out,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    packages: 'external',
    logLevel: 'silent',
    plugins: [
      {
        name: 'patches',
        setup(hooks) {
          hooks.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const own = patches.filter(({ file }) => relative(root, path) === file);
            if (own.length === 0) return null;
            let contents = readFileSync(path, 'utf8');
            for (const patch of own) {
              if (contents.split(patch.from).length !== 2)
                throw new Error(`${patch.file} does not hold just once: ${patch.from}`);
              contents = contents.replace(patch.from, () => patch.to);
              applied.add(patch);
            }
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  const missed = patches.find((patch) => !applied.has(patch));
  if (missed) throw new Error(`${missed.file} is no part of the worker`);
}
