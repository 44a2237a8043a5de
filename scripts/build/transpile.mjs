/** Turns nodes, lib and plugins into CommonJS, one file for one file, and says which vendor modules they need. */
import { copyFileSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import { vendorFile } from './vendors.mjs';

const SOURCES = ['nodes', 'lib', 'plugins'];
/** As esbuild writes them: require("name") and import("name"), of packages alone. */
const PACKAGE_IMPORT = /\b(require|import)\("([^"./][^"]*)"\)/g;
/** Node-RED hands these to a node; required, they would be a second copy of it. */
const OF_THE_RUNTIME = /^(node-red|@node-red\/.*|node-red-node-test-helper)$/;

/**
 * @returns {Promise<{ files: number, vendored: Set<string> }>} `vendored`: the modules to bundle into dist/vendor,
 * which are the imported ones that package.json lists as devDependencies.
 */
export async function transpile({ root, dist, manifest }) {
  const sources = globSync(`{${SOURCES.join(',')}}/**/*.ts`, {
    cwd: root,
    exclude: (file) => /\.(d|test)\.ts$/.test(file),
  });
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: sources,
    outbase: '.',
    outdir: dist,
    bundle: false,
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    charset: 'utf8',
    write: false,
    logLevel: 'silent',
  });
  const vendored = new Set();
  for (const { path: file, text } of outputFiles) {
    const rewritten = text.replace(PACKAGE_IMPORT, (whole, call, name) => {
      if (isBuiltin(name)) return whole;
      const wanted = packageOf(name);
      if (wanted in manifest.dependencies) return whole;
      if (!(wanted in manifest.devDependencies) || OF_THE_RUNTIME.test(wanted)) {
        throw new Error(
          `${path.relative(dist, file)} imports ${name}, which the package neither depends on nor may bundle`,
        );
      }
      vendored.add(name);
      const from = path.relative(path.dirname(file), path.join(dist, vendorFile(name))).replaceAll(path.sep, '/');
      return `${call}("${from}")`;
    });
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, rewritten);
  }
  const data = globSync('lib/**/*.json', { cwd: root });
  for (const file of data) copyFileSync(path.join(root, file), path.join(dist, file));
  return { files: outputFiles.length, vendored };
}

function packageOf(name) {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/');
}
