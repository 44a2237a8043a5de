/** Lays out what the editor reads: html, locales and icons beside each node, the flows as examples. */
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** @returns {{ nodes: number, plugins: number, examples: number }} how many of each were laid out. */
export function layOutEditorFiles({ root, out, folders }) {
  for (const type of folders.nodes) layOutNode(root, out, type);
  for (const name of folders.plugins) layOut(root, out, 'plugins', name);
  const flows = globSync('**/*.json', { cwd: path.join(root, 'flows') });
  for (const flow of flows) copy(path.join(root, 'flows', flow), path.join(out, 'examples', flow));
  return { nodes: folders.nodes.length, plugins: folders.plugins.length, examples: flows.length };
}

function layOutNode(root, out, type) {
  const html = layOut(root, out, 'nodes', type);
  if (!html) throw new Error(`nodes/${type}/${type}.html is missing`);
  // Literal, since palette checks and the flow library read the html as text.
  if (!new RegExp(`RED\\.nodes\\.registerType\\(\\s*['"]${type}['"]`).test(html)) {
    throw new Error(`nodes/${type}/${type}.html has no RED.nodes.registerType('${type}', …)`);
  }
}

/** @returns the text of the html, or null where there is none. */
function layOut(root, out, kind, name) {
  const from = path.join(root, kind, name);
  const to = path.join(out, 'dist', kind, name);
  if (existsSync(path.join(from, 'locales')))
    cpSync(path.join(from, 'locales'), path.join(to, 'locales'), { recursive: true });
  const html = path.join(from, `${name}.html`);
  if (!existsSync(html)) return null;
  copy(html, path.join(to, `${name}.html`));
  const text = readFileSync(html, 'utf8');
  for (const icon of iconsIn(text)) copy(iconFile(root, icon, `${kind}/${name}`), path.join(to, 'icons', icon));
  return text;
}

/** The icon files that the html names, of Node-RED's own ones and of Font Awesome's none. */
function iconsIn(html) {
  const named = [...html.matchAll(/\bicon:\s*['"]([^'"/]+\.(?:svg|png))['"]/g)].map(([, icon]) => icon);
  return new Set(named.filter((icon) => !stockIcons().has(icon)));
}

function iconFile(root, icon, where) {
  const file = path.join(root, 'icons', icon);
  if (!existsSync(file)) throw new Error(`${where} names the icon ${icon}, which icons/ does not hold`);
  return file;
}

let stock;
function stockIcons() {
  stock ??= new Set(readdirSync(new URL('../../node_modules/@node-red/nodes/icons', import.meta.url)));
  return stock;
}

function copy(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  copyFileSync(from, to);
}
