import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referenceFlow, type FlowNode } from '../../scripts/demo/node-red';
import { selfSignedCertificate } from '../../simulators/salesforce/certificate';
import { scenario } from './side-by-side';
import { changed, copyOf, nodeOf, pause, type World } from './world';

interface KeyFile {
  /** null: no file; 'directory': one stands in its place, since root may read every file. */
  content: string | null | 'directory';
  passphrase?: string;
  code: string;
  words: RegExp;
}

function keyFiles(): Record<string, KeyFile> {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'the right passphrase' } as const;
  const encrypted = rsa.privateKey.export(locked).toString();
  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return {
    missing: { content: null, code: 'KEY_MISSING', words: /no private key file at \S+missing\.pem/ },
    unreadable: { content: 'directory', code: 'KEY_UNREADABLE', words: /unreadable\.pem cannot be read: EISDIR/ },
    text: { content: 'the text that is no key', code: 'KEY_NOT_PEM', words: /is not PEM/ },
    damaged: { content: pem.replace(/\n[\w+/]{20}/, '\n'), code: 'KEY_NOT_PEM', words: /damaged/ },
    encrypted: { content: encrypted, code: 'KEY_ENCRYPTED', words: /its passphrase is needed/ },
    locked: {
      content: encrypted,
      passphrase: 'not the right one',
      code: 'KEY_PASSPHRASE',
      words: /passphrase does not open/,
    },
    public: {
      content: rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      code: 'KEY_NOT_PEM',
      words: /a public key, not the private key/,
    },
    certificate: {
      content: selfSignedCertificate().certificatePem,
      code: 'KEY_NOT_PEM',
      words: /a certificate, not the private key/,
    },
    elliptic: {
      content: elliptic.export({ type: 'pkcs8', format: 'pem' }).toString(),
      code: 'KEY_NOT_RSA',
      words: /must be RSA; this one is ec/,
    },
  };
}

/** The reference flow with a login and a store of its own. */
function flowWith(name: string, directory: string): FlowNode[] {
  const flows = copyOf(referenceFlow(), name);
  const login = nodeOf(flows, 'sf-connection');
  const own = changed(flows, login.id, {
    name,
    privateKeyPathVar: `KEY_PATH_${name}`,
    passphraseVar: `KEY_PASSPHRASE_${name}`,
  });
  const stored = changed(own, nodeOf(own, 'provisioning-store').id, { directory });
  return changed(stored, nodeOf(stored, 'http in').id, { url: `/health/${name}` });
}

/** Text in which none of these may be found: each line of a key, and each passphrase. */
const secretsOf = (files: Record<string, KeyFile>): string[] =>
  Object.values(files).flatMap(({ content, passphrase }) => [
    ...(content === null || content === 'directory'
      ? []
      : content.split('\n').filter((line) => line.length >= 10 && !line.startsWith('-----'))),
    ...(passphrase === undefined ? [] : [passphrase]),
  ]);

async function startWith(world: World, files: Record<string, KeyFile>): Promise<void> {
  const env: Record<string, string> = {};
  const flows = Object.entries(files).flatMap(([name, { content, passphrase }]) => {
    const path = join(world.directory, `${name}.pem`);
    if (content === 'directory') mkdirSync(path);
    else if (content !== null) writeFileSync(path, content);
    env[`KEY_PATH_${name}`] = path;
    if (passphrase !== undefined) env[`KEY_PASSPHRASE_${name}`] = passphrase;
    const store = join(world.directory, `store-${name}`);
    mkdirSync(store);
    return flowWith(name, store);
  });
  await world.start(flows, { env, subscribes: false });
}

describe('a private key that cannot be used', () => {
  scenario('is one error that says which and why, without a byte of it; nothing is subscribed', async (world) => {
    const files = keyFiles();
    await startWith(world, files);
    await world.watchEditor();
    const names = Object.keys(files);
    const errorsOf = (name: string): string[] => world.errors().filter((line) => line.includes(`:${name}]`));
    await world.until('each key is named', () => names.every((name) => errorsOf(name).length > 0));
    await pause(3_000);
    const told: string[] = [];
    for (const [name, { code, words }] of Object.entries(files)) {
      assert.equal(errorsOf(name).length, 1, errorsOf(name).join('\n'));
      assert.match(errorsOf(name)[0] ?? '', new RegExp(`code=${code} `));
      assert.match(errorsOf(name)[0] ?? '', words);
      const health = await world.get(`/health/${name}`);
      assert.equal(health.status, 503, name);
      told.push(JSON.stringify(health.body));
      assert.ok(told.at(-1)?.includes(`Salesforce login: ${code}`), told.at(-1));
    }
    assert.equal(world.errors().length, names.length, world.errors().join('\n'));
    assert.equal(world.openStreams(), 0);
    assert.deepEqual(world.salesforce.panel.requests(), []);
    assert.ok(world.isUp);
    assert.ok(world.seenInEditor.length > 0);
    const said = [...world.output, ...world.seenInEditor, ...told].join('\n');
    for (const secret of secretsOf(files)) assert.equal(said.includes(secret), false, `it tells "${secret}"`);
  });
});
