import assert from 'node:assert/strict';
import path from 'node:path';
import { ESLint } from 'eslint';
import ts from 'typescript-eslint';
import { repository } from './scratch-package';

/** The repository's own rules, without those that need a file to be on disk. */
const eslint = new ESLint({
  cwd: repository,
  overrideConfig: [
    {
      files: ['**/*.ts'],
      languageOptions: { parserOptions: { projectService: false } },
      rules: ts.configs.disableTypeChecked.rules ?? {},
    },
  ],
});

/** What the linter says of an import. */
async function saidOf(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: path.join(repository, file) });
  assert.ok(result && !result.messages.some(({ fatal }) => fatal), `${file} can't be linted`);
  return result.messages.filter(({ message }) => message.includes('Not from here')).map(({ message }) => message);
}

describe('An import against the arrows', () => {
  const refused: [file: string, source: string][] = [
    ['lib/provisioning/mapping.ts', 'node-red'],
    ['lib/state/sqlite/inbox.ts', '@node-red/util'],
    ['lib/provisioning/mapping.ts', '../../simulators/demo-data'],
    ['lib/provisioning/mapping.ts', '../../nodes/shared/registry'],
    ['lib/clock.ts', '../test/fake-clock'],
    ['lib/salesforce/orders.ts', '../whmcs/contract'],
    ['lib/salesforce/events/pubsub.ts', '../../whmcs/contract'],
    ['lib/salesforce/orders.ts', '../provisioning/failure'],
    ['lib/whmcs/transport.ts', '../salesforce/contract'],
    ['lib/state/contract.ts', '../whmcs/contract'],
    ['lib/state/contract.ts', '../salesforce/contract'],
    ['nodes/mapping-check/mapping-check.ts', '../../simulators/whmcs/server'],
    ['plugins/provisioning/provisioning.ts', '../../simulators/demo-data'],
    ['simulators/whmcs/server.ts', '../../lib/whmcs/contract'],
    ['simulators/shared/panel.ts', '../../nodes/shared/status'],
  ];
  const forms: [name: string, code: (source: string) => string][] = [
    ['import', (source) => `import { x } from '${source}';\nexport const y = x;`],
    ['import type', (source) => `import type { X } from '${source}';\nexport type Y = X;`],
    ['export … from', (source) => `export * from '${source}';`],
    ['import()', (source) => `export const x = import('${source}');`],
    ['require()', (source) => `export const x = require('${source}') as object;`],
    ['import = require()', (source) => `import x = require('${source}');\nexport const y = x;`],
    ['typeof import()', (source) => `export type X = typeof import('${source}');`],
  ];
  for (const [file, source] of refused) {
    it(`of ${source} is refused in ${file}, in every form`, async () => {
      for (const [form, code] of forms) assert.equal((await saidOf(file, code(source))).length, 1, form);
    });
  }

  const allowed: [file: string, source: string][] = [
    ['nodes/mapping-check/mapping-check.ts', 'node-red'],
    ['nodes/mapping-check/mapping-check.ts', '../../lib/provisioning/mapping'],
    ['lib/provisioning/writer.ts', '../salesforce/contract'],
    ['lib/provisioning/client-check.ts', '../whmcs/contract'],
    ['lib/salesforce/orders.ts', './whmcs-account-field'],
    ['lib/whmcs/transport.ts', 'node:https'],
    ['test/flows/demo.test.ts', '../../simulators/whmcs/server'],
    ['simulators/whmcs/server.ts', '../demo-data'],
  ];
  for (const [file, source] of allowed) {
    it(`of ${source} is allowed in ${file}`, async () => {
      for (const [form, code] of forms) assert.deepEqual(await saidOf(file, code(source)), [], form);
    });
  }
});
