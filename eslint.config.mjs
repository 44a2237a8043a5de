import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

/**
 * Which way imports may go (the arrows point down): nodes and plugins → lib/provisioning → lib/salesforce, lib/whmcs,
 * lib/state. Per folder: what its files may not import, by package or by folder of this repository.
 */
const NODE_RED = { package: '(node-red|@node-red/.+)', why: 'the domain knows no Node-RED' };
const above = (...folders) => folders.map((folder) => ({ folder, why: 'imports point down only' }));
const aside = (...folders) =>
  folders.map((folder) => ({ folder, why: 'the vendors do not know each other, nor the store them' }));
const NOT_SHIPPED = ['simulators', 'test', 'bench', 'scripts'].map((folder) => ({ folder, why: 'it is not shipped' }));
const INDEPENDENT = ['lib', 'nodes', 'plugins'].map((folder) => ({
  folder,
  why: 'simulators are an independent truth',
}));
const LIB = [NODE_RED, ...above('nodes', 'plugins'), ...NOT_SHIPPED];
const ARROWS = {
  'nodes/**/*.ts': NOT_SHIPPED,
  'plugins/**/*.ts': NOT_SHIPPED,
  'lib/**/*.ts': LIB,
  'lib/state/**/*.ts': [...LIB, ...above('provisioning'), ...aside('salesforce', 'whmcs')],
  'lib/salesforce/**/*.ts': [...LIB, ...above('provisioning'), ...aside('whmcs')],
  'lib/whmcs/**/*.ts': [...LIB, ...above('provisioning'), ...aside('salesforce')],
  'simulators/**/*.ts': [NODE_RED, ...INDEPENDENT],
};

/** Every form of import: the plain ones by the rule made for that, import() and import types by their syntax. */
function refuse(forbidden) {
  const entries = forbidden.map(({ package: name, folder, why }) => ({
    regex: name ? `^${name}$` : `^\\.\\.?/(.*/)?${folder}(/|$)`,
    message: `Not from here: ${why}.`,
  }));
  const bySyntax = entries.flatMap(({ regex, message }) => {
    const value = `[value=/${regex.replaceAll('/', '\\u002F')}/]`;
    return [
      { selector: `ImportExpression > Literal${value}`, message },
      { selector: `TSImportType Literal${value}`, message },
      { selector: `CallExpression[callee.name="require"] > Literal${value}`, message },
    ];
  });
  return {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns: entries }],
    'no-restricted-syntax': ['error', ...bySyntax],
  };
}

const OF_NODE = [
  'process',
  'console',
  'Buffer',
  'URL',
  'fetch',
  'performance',
  'AbortSignal',
  'AbortController',
].concat(['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate']);

export default defineConfig(
  // Components of Salesforce are written in its own dialect (decorators without TypeScript); a test compiles and runs them.
  { ignores: ['.demo/', 'dist/', 'build/', 'examples/', 'resources/', 'salesforce/'] },
  js.configs.recommended,
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: { globals: Object.fromEntries(OF_NODE.map((name) => [name, 'readonly'])) },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { require: 'readonly', module: 'writable', __dirname: 'readonly' },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [ts.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // The compiler knows names better than this rule.
      'no-undef': 'off',
    },
  },
  ...Object.entries(ARROWS).map(([files, forbidden]) => ({ files: [files], rules: refuse(forbidden) })),
);
