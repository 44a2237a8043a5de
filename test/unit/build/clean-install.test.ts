import assert from 'node:assert/strict';
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repository, runNode } from './scratch-package';

/** Of npm, where what `npm ci` fetched for this checkout is in its cache; seconds, or minutes on a busy machine. */
const installMs = 300_000;

/**
 * A library that uses another without saying so works in this checkout, where some tool has brought that one along, and
 * fails where only this package is installed.
 */
describe('the package and the dependencies that it lists, installed with nothing else', function () {
  this.timeout(installMs + 120_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'clean-install-'));
    const { code, output } = await runNode(['scripts/build.mjs', '--out', folder], repository);
    assert.equal(code, 0, output);
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      copyFileSync(path.join(repository, file), path.join(folder, file));
    const npm = path.join(repository, 'node_modules/npm/bin/npm-cli.js');
    const install = [npm, 'ci', '--omit=dev', '--prefer-offline', '--ignore-scripts'];
    const installed = await runNode(install, folder, process.env, installMs);
    assert.equal(installed.code, 0, installed.output);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('import each of them, in each way that the package does', async () => {
    const imported = new Set(
      globSync('dist/**/*.js', { cwd: folder }).flatMap((file) =>
        importedBy(readFileSync(path.join(folder, file), 'utf8')),
      ),
    );
    const { dependencies } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const packages = [...imported].map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
    assert.deepEqual([...new Set(packages)].sort(), Object.keys(dependencies).sort());
    assert.deepEqual(await faultsOfRequiring([...imported]), []);
  });

  it('load every file that is shipped', async () => {
    const files = globSync('dist/**/*.js', { cwd: folder });
    assert.ok(files.length > 100, `${files.length} files`);
    assert.deepEqual(await faultsOfRequiring(files.map((file) => `./${file}`)), []);
  });

  async function faultsOfRequiring(names: string[]): Promise<unknown> {
    const each = `try { require(name) } catch (error) { faults.push(name + ': ' + error) }`;
    const script = `const faults = []; for (const name of ${JSON.stringify(names)}) { ${each} } console.log(JSON.stringify(faults)); process.exit()`;
    const { code, output } = await runNode(['--no-warnings', '-e', script], folder);
    assert.equal(code, 0, output);
    return JSON.parse(output);
  }
});

/** What a built file requires of other packages. */
const importedBy = (text: string): string[] =>
  [...text.matchAll(/\b(?:require|import)\("([^"./][^"]*)"\)/g)]
    .map(([, name]) => name as string)
    .filter((name) => !isBuiltin(name));
