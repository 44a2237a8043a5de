import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Manifest, type ScratchPackage, scratchPackage } from './scratch-package';

const PING = { nodes: { ping: 'dist/nodes/ping/ping.js' } };
const PING_HTML = `<script type="text/javascript">RED.nodes.registerType('ping', { icon: 'ping.svg' });</script>`;

describe('The build', () => {
  let scratch: ScratchPackage;
  afterEach(() => scratch.remove());

  function given(manifest: Manifest): void {
    scratch = scratchPackage(manifest);
    scratch.write('nodes/ping/ping.ts', `import { pong } from '../../lib/pong';\nexport = () => pong;\n`);
    scratch.write('nodes/ping/ping.html', PING_HTML);
    scratch.write('lib/pong.ts', `export const pong: string = 'pong';\n`);
    scratch.write('icons/ping.svg', '<svg/>');
  }

  const built = (file: string): string => path.join(scratch.folder, file);
  const load = (file: string): unknown => createRequire(built('package.json'))(built(file)) as unknown;

  it('lays a node out as Node-RED looks for it', async () => {
    given(PING);
    scratch.write('nodes/ping/locales/en-US/ping.json', '{}');
    scratch.write('flows/nested/how to ping.json', '[]');
    const { code, output } = await scratch.build();
    assert.equal(code, 0, output);
    for (const file of ['ping.js', 'ping.html', 'icons/ping.svg', 'locales/en-US/ping.json']) {
      assert.ok(existsSync(built(`dist/nodes/ping/${file}`)), file);
    }
    assert.ok(existsSync(built('examples/nested/how to ping.json')));
    assert.equal((load('dist/nodes/ping/ping.js') as () => string)(), 'pong');
  });

  it('keeps one copy of a module that two nodes share', async () => {
    given({ nodes: { ...PING.nodes, pang: 'dist/nodes/pang/pang.js' } });
    scratch.write('lib/pong.ts', 'export const pong = {};\n');
    scratch.write('nodes/pang/pang.ts', `import { pong } from '../../lib/pong';\nexport = () => pong;\n`);
    scratch.write('nodes/pang/pang.html', PING_HTML.replace("'ping'", "'pang'"));
    const { code, output } = await scratch.build();
    assert.equal(code, 0, output);
    const [ping, pang] = ['ping', 'pang'].map((type) => load(`dist/nodes/${type}/${type}.js`) as () => object);
    assert.equal(ping?.(), pang?.());
  });

  it('leaves nothing of an earlier build', async () => {
    given(PING);
    scratch.write('dist/nodes/gone/gone.js', '');
    scratch.write('examples/gone.json', '');
    assert.equal((await scratch.build()).code, 0);
    assert.ok(!existsSync(built('dist/nodes/gone')) && !existsSync(built('examples/gone.json')));
  });

  it('bundles the vendor modules that ours import, and their licence notices', async () => {
    const names = ['zod', 'avsc', 'jose', '@grpc/proto-loader', 'php-serialize'];
    given({ ...PING, devDependencies: Object.fromEntries(names.map((name) => [name, '*'])) });
    const imports = names.map((name, index) => `import * as m${index} from '${name}';\nvoid m${index};\n`).join('');
    scratch.write(
      'lib/pong.ts',
      `${imports}export const pong = async () => [${names.map((_, index) => `m${index}`).join()}, await import('zod')];\n`,
    );
    const { code, output } = await scratch.build();
    assert.equal(code, 0, output);
    assert.doesNotMatch(readFileSync(built('dist/lib/pong.js'), 'utf8'), /(require|import)\("(?!\.)/);

    type Vendors = [
      { z: { string(): { parse(value: unknown): string } } },
      { Type: { forSchema(schema: string): { fromBuffer(bytes: Buffer): unknown; toBuffer(value: unknown): Buffer } } },
      { SignJWT: unknown },
      { fromJSON(json: object): object },
      { unserialize(text: string): unknown },
      { z: unknown },
    ];
    const { pong } = load('dist/lib/pong.js') as { pong(): Promise<Vendors> };
    const [zod, avsc, jose, loader, php, lazyZod] = await pong();
    assert.equal(zod.z.string().parse('x'), 'x');
    const type = avsc.Type.forSchema('long');
    assert.equal(type.fromBuffer(type.toBuffer(42)), 42);
    assert.equal(typeof jose.SignJWT, 'function');
    assert.ok('Ping' in loader.fromJSON({ nested: { Ping: { fields: { id: { type: 'string', id: 1 } } } } }));
    assert.equal(php.unserialize('i:7;'), 7);
    assert.equal(lazyZod.z, zod.z);

    const notices = readFileSync(built('dist/vendor/LICENSES.txt'), 'utf8');
    for (const name of [...names, 'protobufjs', 'long']) assert.match(notices, new RegExp(`^${name} \\d`, 'm'));
  });

  it('leaves an import alone that the package depends on', async () => {
    given({ ...PING, dependencies: { axios: '*' } });
    scratch.write('lib/pong.ts', `export const pong = () => import('axios');\n`);
    assert.equal((await scratch.build()).code, 0);
    assert.match(readFileSync(built('dist/lib/pong.js'), 'utf8'), /import\("axios"\)/);
  });

  const refusals: [string, Manifest, () => void, RegExp][] = [
    [
      'an import that is neither a dependency nor to be bundled',
      PING,
      () => scratch.write('lib/pong.ts', `import axios from 'axios';\nexport const pong = axios;\n`),
      /lib\/pong\.js imports axios/,
    ],
    [
      'an import of Node-RED',
      { ...PING, devDependencies: { '@node-red/util': '*' } },
      () => scratch.write('lib/pong.ts', `import util from '@node-red/util';\nexport const pong = util;\n`),
      /imports @node-red\/util/,
    ],
    ['a node folder that package.json does not list', {}, () => {}, /nodes\/ping is not listed/],
    [
      'a listed node without a folder',
      { nodes: { ...PING.nodes, gone: 'dist/nodes/gone/gone.js' } },
      () => {},
      /lists gone, but there is no folder nodes\/gone/,
    ],
    ['a node listed under another path', { nodes: { ping: 'dist/ping.js' } }, () => {}, /lists ping as dist\/ping\.js/],
    ['an unlisted plugin', PING, () => scratch.write('plugins/side/side.html', ''), /plugins\/side is not listed/],
    [
      'a node whose html registers another type',
      PING,
      () => scratch.write('nodes/ping/ping.html', PING_HTML.replace("'ping'", "'pang'")),
      /has no RED\.nodes\.registerType\('ping'/,
    ],
    [
      'an icon that is not there',
      PING,
      () => scratch.write('nodes/ping/ping.html', PING_HTML.replace('ping.svg', 'gone.svg')),
      /icon gone\.svg/,
    ],
  ];
  for (const [what, manifest, spoil, message] of refusals) {
    it(`refuses ${what}`, async () => {
      given(manifest);
      spoil();
      const { code, output } = await scratch.build();
      assert.equal(code, 1);
      assert.match(output, message);
    });
  }

  it('brings the list up to date when asked, and keeps the order of the palette', async () => {
    given({ nodes: { zeta: 'dist/nodes/zeta/zeta.js', gone: 'x', ping: 'y' } });
    for (const type of ['alpha', 'zeta']) {
      scratch.write(`nodes/${type}/${type}.ts`, 'export = () => {};\n');
      scratch.write(`nodes/${type}/${type}.html`, PING_HTML.replace("'ping'", `'${type}'`));
    }
    const { code, output } = await scratch.build('--list');
    assert.equal(code, 0, output);
    const manifest = JSON.parse(readFileSync(built('package.json'), 'utf8')) as {
      'node-red': { nodes: Record<string, string> };
    };
    assert.deepEqual(Object.keys(manifest['node-red'].nodes), ['zeta', 'ping', 'alpha']);
  });
});
