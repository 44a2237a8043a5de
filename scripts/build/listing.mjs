/**
 * package.json's lists of nodes and plugins against the folders that hold them.
 *
 * A folder nodes/<type> holds one node type (shared/ holds none); a folder plugins/<name> one plugin.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const NOT_A_NODE = new Set(['shared']);

/** @returns {{ nodes: string[], plugins: string[] }} the names of the folders, sorted. */
export function paletteFolders(root) {
  return {
    nodes: foldersIn(path.join(root, 'nodes')).filter((name) => !NOT_A_NODE.has(name)),
    plugins: foldersIn(path.join(root, 'plugins')),
  };
}

/** @throws when a folder is not listed, a listed one is not there, or one is listed under another path. */
export function checkListing(manifest, folders) {
  const faults = [];
  for (const kind of ['nodes', 'plugins']) {
    const listed = manifest['node-red'][kind] ?? {};
    for (const name of folders[kind]) {
      if (!(name in listed)) faults.push(`${kind}/${name} is not listed in package.json (node-red.${kind})`);
    }
    for (const [name, file] of Object.entries(listed)) {
      if (!folders[kind].includes(name))
        faults.push(`package.json lists ${name}, but there is no folder ${kind}/${name}`);
      else if (file !== builtFile(kind, name))
        faults.push(`package.json lists ${name} as ${file}, not ${builtFile(kind, name)}`);
    }
  }
  if (faults.length)
    throw new Error(`${faults.join('\n       ')}\n       npm run build -- --list brings the list up to date`);
}

/** Rewrites the lists: what was listed keeps its place (the palette's order), new folders come last. */
export function writeListing(root, folders) {
  const file = path.join(root, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  for (const kind of ['nodes', 'plugins']) {
    const listed = Object.keys(manifest['node-red'][kind] ?? {}).filter((name) => folders[kind].includes(name));
    const names = [...listed, ...folders[kind].filter((name) => !listed.includes(name))];
    if (!names.length && kind === 'plugins') delete manifest['node-red'].plugins;
    else manifest['node-red'][kind] = Object.fromEntries(names.map((name) => [name, builtFile(kind, name)]));
  }
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Node-RED finds the html, the locales and the icons beside this file. */
export function builtFile(kind, name) {
  return `dist/${kind}/${name}/${name}.js`;
}

function foldersIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) =>
        entry.isDirectory() && !entry.name.startsWith('.') && readdirSync(path.join(folder, entry.name)).length,
    )
    .map((entry) => entry.name)
    .sort();
}
