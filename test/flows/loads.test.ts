import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, layOutUserDir, startNodeRed } from '../../scripts/demo/node-red';
import type { Running } from '../../scripts/demo/processes';
import { repository, runNode } from '../unit/build/scratch-package';
import { bothLines } from './world';

interface NodeSet {
  module: string;
  name: string;
  types: string[];
  enabled: boolean;
  err?: unknown;
}

const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
  name: string;
  dependencies: Record<string, string>;
  'node-red': { nodes: Record<string, string> };
};
/** What Node-RED warns of in any new user directory. */
const OF_NODE_RED = /Projects disabled|Encrypted credentials not found/;
const types = Object.keys(manifest['node-red'].nodes);

/** Installs into a user directory what would be published, with the dependencies that it lists and no others. */
async function install(userDir: string): Promise<void> {
  const modules = path.join(userDir, 'node_modules');
  const installed = path.join(modules, manifest.name);
  unlinkSync(installed);
  mkdirSync(installed);
  const { code, output } = await runNode(['scripts/build.mjs', '--out', installed], repository);
  assert.equal(code, 0, output);
  for (const file of ['package.json', 'resources']) {
    cpSync(path.join(repository, file), path.join(installed, file), { recursive: true });
  }
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    symlinkSync(path.join(repository, 'node_modules', name), path.join(modules, name), 'junction');
  }
}

for (const [line, title] of bothLines) {
  describe(`the installed package on the ${title}`, function () {
    this.timeout(120_000);
    const output: string[] = [];
    let userDir: string;
    let port: number;
    let nodeRed: Running | undefined;

    before(async () => {
      userDir = mkdtempSync(path.join(tmpdir(), 'loads-'));
      port = await freePort();
      layOutUserDir(userDir, { port, flows: [] });
      await install(userDir);
      nodeRed = await startNodeRed(userDir, {}, (text) => output.push(text), line);
    });
    after(async () => {
      await nodeRed?.stop();
      rmSync(userDir, { recursive: true, force: true });
    });

    it('loads every node type without a word of complaint', async () => {
      const headers = { accept: 'application/json' };
      const answer = await fetch(`http://127.0.0.1:${port}/nodes`, { headers, signal: AbortSignal.timeout(10_000) });
      const ours = ((await answer.json()) as NodeSet[]).filter(({ module }) => module === manifest.name);
      assert.deepEqual(ours.flatMap((set) => set.types).sort(), [...types].sort());
      assert.deepEqual(
        ours.filter(({ enabled, err }) => !enabled || err),
        [],
      );
      assert.deepEqual(
        output.filter((text) => /\[(warn|error)\]/.test(text) && !OF_NODE_RED.test(text)),
        [],
      );
    });

    it('hands the editor the form of every type', async () => {
      const headers = { accept: 'text/html' };
      const answer = await fetch(`http://127.0.0.1:${port}/nodes`, { headers, signal: AbortSignal.timeout(10_000) });
      const html = await answer.text();
      for (const type of types) assert.match(html, new RegExp(`data-template-name="${type}"`));
    });
  });
}
