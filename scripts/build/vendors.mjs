/** Bundles vendor modules into dist/vendor, one file each, with the licence notices of all that went in. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([-.].*)?$/i;

/** Where the bundle of a module lies, from dist: `@grpc/proto-loader` → vendor/grpc-proto-loader.js. */
export function vendorFile(name) {
  return `vendor/${name.replace('@', '').replaceAll('/', '-')}.js`;
}

/** @returns {Promise<number>} how many packages' notices vendor/LICENSES.txt holds. */
export async function bundleVendors({ root, dist, manifest, vendored }) {
  if (!vendored.size) return 0;
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries([...vendored].map((name) => [vendorFile(name).replace(/\.js$/, ''), name])),
    outdir: dist,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node22',
    // Identifiers stay as they are: avsc and protobufjs write code from names.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: Object.keys(manifest.dependencies),
    metafile: true,
    logLevel: 'silent',
  });
  const packages = new Map();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = packageFolder(path.join(root, input));
    if (folder) packages.set(folder, notice(folder));
  }
  mkdirSync(path.join(dist, 'vendor'), { recursive: true });
  const rule = `\n${'-'.repeat(78)}\n\n`;
  writeFileSync(path.join(dist, 'vendor', 'LICENSES.txt'), [...packages.values()].sort().join(rule));
  return packages.size;
}

/** The nearest folder above a file that is a package; a nested package.json without a name only marks a module type. */
function packageFolder(file) {
  for (let folder = path.dirname(file); folder.includes('node_modules'); folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version) return folder;
  }
  return null;
}

function notice(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file))
    .map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
  if (!texts.length && !license) throw new Error(`${name} is bundled, but its package names no licence`);
  const by = typeof author === 'object' ? author.name : author;
  return `${name} ${version}\n\n${texts.join('\n\n') || `Licence: ${license}${by ? `, by ${by}` : ''}`}\n`;
}
