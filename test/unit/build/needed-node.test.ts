import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repository, runNode } from './scratch-package';

const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
  engines: { node: string };
  'node-red': { nodes: Record<string, string> };
};
const nodes = Object.values(manifest['node-red'].nodes);

/** npm only warns of a Node.js that is too old, and jsforce then fails with a TypeError of its HTTP library. */
describe('a node of the palette on a Node.js', function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'needed-node-'));
    const { code, output } = await runNode(['scripts/build.mjs', '--out', folder], repository);
    assert.equal(code, 0, output);
    symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'), 'junction');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What loading each node on that version said, and what else of the package was loaded by then. */
  async function loading(version: string): Promise<{ said: string | null; others: string[] }[]> {
    const preload = path.join(folder, 'version.cjs');
    writeFileSync(preload, `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
    const load = `
      const loaded = () => Object.keys(require.cache).filter((file) => file.includes('/dist/'));
      const said = ${JSON.stringify(nodes)}.map((file) => {
        for (const one of loaded()) delete require.cache[one];
        try { require('./' + file); return { said: null, others: [] } }
        catch (error) { return { said: error.message, others: loaded() } }
      });
      console.log(JSON.stringify(said));
      process.exit();`;
    const { code, output } = await runNode(['--no-warnings', '--require', preload, '-e', load], folder);
    assert.equal(code, 0, output);
    return JSON.parse(output) as { said: string | null; others: string[] }[];
  }

  for (const version of ['18.20.4', '20.20.2', '22.12.0'])
    it(`${version} says that a newer one is needed, before anything else of it is loaded`, async () => {
      const all = await loading(version);
      assert.equal(all.length, nodes.length);
      for (const { said, others } of all) {
        assert.match(
          said ?? 'nothing',
          new RegExp(`needs Node.js 22.13 or newer, and this Node-RED runs on ${version}`),
        );
        assert.deepEqual(others, []);
      }
    });

  for (const version of ['22.13.0', '23.0.0', '24.1.0'])
    it(`${version} loads`, async () => {
      assert.deepEqual(new Set((await loading(version)).map(({ said }) => said)), new Set([null]));
    });

  it('is named alike in package.json', () => {
    assert.equal(manifest.engines.node, '>=22.13');
  });
});
