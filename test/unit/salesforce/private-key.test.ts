import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SalesforceError } from '../../../lib/salesforce/contract';
import { loadPrivateKey, type PrivateKeySource } from '../../../lib/salesforce/private-key';

describe('The private key', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'key-'));
  after(() => rmSync(folder, { recursive: true }));
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const traditional = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  const locked = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
    .toString();
  const lockedTraditional = privateKey
    .export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'open sesame' })
    .toString();

  const fileOf = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  async function refusal(source: PrivateKeySource): Promise<SalesforceError> {
    const error: unknown = await loadPrivateKey(source).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof SalesforceError);
    assert.equal(error.kind, 'auth');
    return error;
  }

  it('is read from a file and from text, in both PEM forms, with \\n written out, and with its passphrase', async () => {
    const sources: PrivateKeySource[] = [
      { path: fileOf('good.pem', pem) },
      { pem },
      { pem: traditional },
      { pem: pem.trim().replace(/\n/g, '\\n') },
      { pem: pem.replace(/\n/g, '\r\n') },
      { pem: locked, passphrase: 'open sesame' },
      { pem: lockedTraditional, passphrase: 'open sesame' },
      { pem, passphrase: 'not needed' },
    ];
    for (const source of sources) assert.ok((await loadPrivateKey(source)).equals(privateKey));
  });

  const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const refused: [string, PrivateKeySource, string, RegExp][] = [
    [
      'a file that is not there',
      { path: path.join(folder, 'none.pem') },
      'KEY_MISSING',
      /no private key file at .*none\.pem/,
    ],
    ['a folder', { path: folder }, 'KEY_UNREADABLE', /EISDIR/],
    ['an empty text', { pem: ' \n' }, 'KEY_MISSING', /empty/],
    ['something else', { pem: 'topsecret' }, 'KEY_NOT_PEM', /not PEM/],
    ['a damaged key', { pem: pem.slice(0, 200) + '\n-----END PRIVATE KEY-----' }, 'KEY_NOT_PEM', /damaged/],
    [
      'the public key',
      { pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
      'KEY_NOT_PEM',
      /public key/,
    ],
    ['a key of OpenSSH', { pem: '-----BEGIN OPENSSH PRIVATE KEY-----\ntopsecret\n' }, 'KEY_NOT_PEM', /OpenSSH/],
    ['an encrypted key without a passphrase', { pem: locked }, 'KEY_ENCRYPTED', /passphrase is needed/],
    ['an encrypted key of the older form', { pem: lockedTraditional }, 'KEY_ENCRYPTED', /passphrase is needed/],
    ['a wrong passphrase', { pem: locked, passphrase: 'topsecret' }, 'KEY_PASSPHRASE', /does not open/],
    [
      'an elliptic key',
      { pem: elliptic.export({ type: 'pkcs8', format: 'pem' }).toString() },
      'KEY_NOT_RSA',
      /must be RSA; this one is ec/,
    ],
  ];
  for (const [what, source, code, message] of refused) {
    it(`is refused with ${code} for ${what}`, async () => {
      const error = await refusal(source);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      const shown = `${error.message} ${error.stack ?? ''} ${String(error.cause)}`;
      for (const secret of ['topsecret', 'open sesame', pem.slice(40, 80), locked.slice(50, 90)])
        assert.ok(!shown.includes(secret));
    });
  }
});
