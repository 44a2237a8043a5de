/**
 * Builds what the package of the current folder ships: dist/ and examples/.
 *
 *   node scripts/build.mjs              into that folder
 *   node scripts/build.mjs --out DIR    into another folder (tests do that, so that they never meet an old build)
 *   node scripts/build.mjs --list       first brings package.json's lists of nodes and plugins up to date
 *
 * Our own code is transpiled file by file: bundled per node, each node would hold its own copy of every process-wide
 * table. Only vendor code is bundled.
 */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { layOutEditorFiles } from './build/editor-files.mjs';
import { checkListing, paletteFolders, writeListing } from './build/listing.mjs';
import { transpile } from './build/transpile.mjs';
import { bundleVendors } from './build/vendors.mjs';

const root = process.cwd();
const { values: options } = parseArgs({ options: { out: { type: 'string' }, list: { type: 'boolean' } } });
const out = path.resolve(root, options.out ?? '.');
const dist = path.join(out, 'dist');
const started = performance.now();

try {
  const folders = paletteFolders(root);
  if (options.list) writeListing(root, folders);
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  checkListing(manifest, folders);

  for (const made of [dist, path.join(out, 'examples')]) rmSync(made, { recursive: true, force: true });
  const { files, vendored } = await transpile({ root, dist, manifest });
  say(`${files} files transpiled`);
  const notices = await bundleVendors({ root, dist, manifest, vendored });
  say(`${vendored.size} vendor modules bundled, ${notices} licence notices`);
  const laid = layOutEditorFiles({ root, out, folders });
  say(`${laid.nodes} nodes, ${laid.plugins} plugins, ${laid.examples} examples laid out`);
  say(`done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
} catch (error) {
  const isLocked = ['EACCES', 'EPERM', 'EROFS'].includes(error.code);
  console.error(
    isLocked
      ? `build: ${error.path ?? out} cannot be written (${error.code}): let this user write to it, or make a clone of your own`
      : `build: ${error.message}`,
  );
  process.exitCode = 1;
}

function say(text) {
  console.log(`build: ${text}`);
}
