import { createHash, timingSafeEqual } from 'node:crypto';
import { Refusal } from './call';
import { toInt, type PhpArray } from './php-body';
import { type WhmcsSwitches } from './switches';

/** One API credential, the admin it belongs to, and that admin's old-style login. */
export interface Credentials {
  identifier: string;
  secret: string;
  username: string;
  /** In clear; clients send its MD5 in hex. */
  password: string;
  /** `$api_access_key` of configuration.php; '' none. */
  accessKey: string;
}

/** For demos and tests: they open nothing but this simulator. */
export const demoCredentials: Credentials = {
  identifier: 'DemoIdentifierDemoIdentifier0001',
  secret: 'DemoSecretDemoSecretDemoSecret01',
  username: 'api',
  password: 'demo-password',
  accessKey: 'Demo!Key#1[2]%.3(4)*-_@$',
};

/** Id of the admin that API orders are placed by, and of the person at the panel. */
export const API_ADMIN = 3;
export const PERSON_ADMIN = 1;

export interface Caller {
  /** The address that WHMCS sees. */
  ip: string;
  post: PhpArray;
  query: PhpArray;
}

/**
 * Checks in WHMCS's order: address or access key, credentials, admin, API access, role. That there is an action, and
 * whether this version knows it, is checked before and after.
 * @param action in lower case.
 * @returns how the caller was known, for the request log.
 * @throws Refusal with the documented text and status.
 */
export function authenticate(
  caller: Caller,
  credentials: Credentials,
  switches: Readonly<WhmcsSwitches>,
  action: string,
): string {
  const field = (name: string): string => {
    const value = caller.post.get(name);
    return typeof value === 'string' ? value : '';
  };
  const accessKey = field('accesskey') || text(caller.query, 'accesskey');
  const byKey = credentials.accessKey !== '' && isSame(accessKey, credentials.accessKey);
  if (switches.allowedIps && !switches.allowedIps.includes(caller.ip) && !byKey) {
    throw new Refusal(`${switches.ipRefusal} ${caller.ip}`, switches.ipRefusalStatus);
  }

  const identifier = field('identifier') || field('username');
  const secret = field('secret') || field('password');
  if (identifier === '' || secret === '') throw new Refusal('Invalid or missing credentials', 403);
  if (identifier === credentials.username) {
    const md5 = createHash('md5').update(credentials.password).digest('hex');
    if (!isSame(secret.toLowerCase(), md5)) throw new Refusal('Invalid password provided', 403);
  } else if (
    switches.credentialRevoked ||
    !isSame(identifier, credentials.identifier) ||
    !isSame(secret, credentials.secret)
  ) {
    throw new Refusal('Authentication Failed', 403);
  }

  if (switches.adminDisabled) throw new Refusal('Administrator Account Disabled', 403);
  if (!switches.apiAccess) throw new Refusal('Access Denied', 403);
  if (switches.deniedActions.some((denied) => denied.toLowerCase() === action)) {
    throw new Refusal(`Invalid Permissions: API action "${action}" is not allowed`, 403);
  }
  const how = identifier === credentials.username ? 'login' : 'api credentials';
  return byKey ? `${how}, access key` : how;
}

function text(array: PhpArray, name: string): string {
  const value = array.get(name);
  return typeof value === 'string' ? value : String(toInt(value) || '');
}

function isSame(given: string, wanted: string): boolean {
  const [left, right] = [given, wanted].map((one) => createHash('sha256').update(one).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
