import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repository, runNode } from './scratch-package';

const SHIPPED = /^(dist|examples|postgres|resources|salesforce)\/|^(README\.md|LICENSE|CHANGELOG\.md|package\.json)$/;

interface Manifest {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  'node-red': { nodes: Record<string, string> };
}

describe('The published package', () => {
  const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as Manifest;

  it('holds what is built, the examples, the resources, the Salesforce metadata, the PostgreSQL table and four papers, and nothing else', async () => {
    const npm = path.join(repository, 'node_modules/npm/bin/npm-cli.js');
    const { code, output } = await runNode([npm, 'pack', '--dry-run', '--json', '--ignore-scripts'], repository);
    assert.equal(code, 0, output);
    const text = output.slice(output.search(/^[[{]/m));
    const files = [...text.matchAll(/"path": "([^"]+)"/g)].map(([, file]) => file ?? '');
    assert.deepEqual(
      files.filter((file) => !SHIPPED.test(file)),
      [],
    );
    for (const paper of ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'])
      assert.ok(files.includes(paper), paper);
    if (existsSync(path.join(repository, 'dist'))) {
      for (const file of Object.values(manifest['node-red'].nodes)) assert.ok(files.includes(file), file);
    }
  });

  it('runs no install script', () => {
    const onInstall = ['preinstall', 'install', 'postinstall', 'prepare'];
    assert.deepEqual(
      onInstall.filter((name) => name in manifest.scripts),
      [],
    );
  });

  it('has at most the six dependencies that a palette scorecard allows', () => {
    assert.ok(Object.keys(manifest.dependencies).length <= 6);
  });

  it('has a lock that names no download address', () => {
    assert.doesNotMatch(readFileSync(path.join(repository, 'package-lock.json'), 'utf8'), /"resolved": *"https?:/);
  });
});
