/** The private key that signs logins. Its text is never part of an error. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SalesforceError } from './contract';

/** Where the PEM text is: a file, or given as it is. */
export type PrivateKeySource = ({ path: string } | { pem: string }) & { passphrase?: string | undefined };

/**
 * Loads an RSA private key.
 * @throws SalesforceError of kind `auth` with one of the codes KEY_MISSING (nothing there), KEY_UNREADABLE (the file
 * exists but cannot be read), KEY_NOT_PEM, KEY_ENCRYPTED (a passphrase is needed), KEY_PASSPHRASE (it is wrong),
 * KEY_NOT_RSA.
 */
export async function loadPrivateKey(source: PrivateKeySource): Promise<KeyObject> {
  const pem = withLineBreaks('pem' in source ? source.pem : await readKeyFile(source.path)).trim();
  if (pem === '') throw keyError('KEY_MISSING', 'The private key is empty');
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1];
  if (label === undefined)
    throw keyError('KEY_NOT_PEM', 'The private key is not PEM: it must begin with -----BEGIN … PRIVATE KEY-----');
  if (label === 'OPENSSH PRIVATE KEY')
    throw keyError(
      'KEY_NOT_PEM',
      'The private key is in the format of OpenSSH; turn it into PEM with ssh-keygen -p -m PEM',
    );
  if (!label.endsWith('PRIVATE KEY'))
    throw keyError('KEY_NOT_PEM', `This is a ${label.toLowerCase()}, not the private key that belongs to it`);

  const encrypted = label.startsWith('ENCRYPTED') || /^Proc-Type: 4,ENCRYPTED/m.test(pem);
  if (encrypted && !source.passphrase)
    throw keyError('KEY_ENCRYPTED', 'The private key is encrypted: its passphrase is needed');
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(encrypted ? { passphrase: source.passphrase } : {}) });
  } catch {
    // What OpenSSL says may quote its input; it is left out.
    if (encrypted) throw keyError('KEY_PASSPHRASE', 'The passphrase does not open the private key');
    throw keyError('KEY_NOT_PEM', 'The private key is damaged: it looks like PEM but cannot be decoded');
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw keyError(
      'KEY_NOT_RSA',
      `The private key must be RSA; this one is ${key.asymmetricKeyType ?? 'of another kind'}`,
    );
  return key;
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw keyError('KEY_MISSING', `There is no private key file at ${path}`);
    const why = code === 'EACCES' || code === 'EPERM' ? 'this process may not read it' : code;
    throw keyError('KEY_UNREADABLE', `The private key file at ${path} cannot be read: ${why}`);
  }
}

/** In an environment variable line breaks are often written as \n. */
const withLineBreaks = (text: string): string => (text.includes('\n') ? text : text.replace(/\\r?\\n|\\n/g, '\n'));

const keyError = (code: string, message: string): SalesforceError => new SalesforceError(code, message, 'auth');
