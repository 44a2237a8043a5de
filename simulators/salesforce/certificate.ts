/** A self-signed certificate for localhost and 127.0.0.1, made at start, so that no key lies in the repository. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

const dayMs = 86_400_000;

/** One DER value: tag, length, content. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), length, content]);
}

const sequence = (...contents: Buffer[]) => der(0x30, ...contents);
const set = (...contents: Buffer[]) => der(0x31, ...contents);
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer) => der(0x04, content);
const bits = (content: Buffer) => der(0x03, Buffer.from([0]), content);
const integer = (value: number) => der(0x02, Buffer.from([value]));
const time = (ms: number) => {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
};

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
const commonName = sequence(set(sequence(objectId('550403'), der(0x0c, Buffer.from('localhost')))));
const isAuthority = sequence(
  objectId('551d13'),
  der(0x01, Buffer.from([0xff])),
  octets(sequence(der(0x01, Buffer.from([0xff])))),
);
const altNames = sequence(
  objectId('551d11'),
  octets(sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])))),
);

/** Made anew at each call. PEM, both. */
export function selfSignedCertificate(): { certificatePem: string; keyPem: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificatePem: certificateOf(publicKey, privateKey), keyPem };
}

/** A certificate (PEM) of any key, signed by a P-256 one; valid from yesterday for a year of real time. */
export function certificateOf(subject: KeyObject, signer: KeyObject): string {
  const now = Date.now();
  const body = sequence(
    der(0xa0, integer(2)),
    integer(1),
    ecdsaWithSha256,
    commonName,
    sequence(time(now - dayMs), time(now + 365 * dayMs)),
    commonName,
    subject.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(isAuthority, altNames)),
  );
  return pem('CERTIFICATE', sequence(body, ecdsaWithSha256, bits(sign('sha256', body, signer))));
}

function pem(label: string, content: Buffer): string {
  const lines = content
    .toString('base64')
    .replace(/(.{64})/g, '$1\n')
    .trimEnd();
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
