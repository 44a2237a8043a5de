/** Installs a package of the system where that may be done unasked: as root, with apt-get. */
import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';

const LIMIT_MS = 10 * 60_000;

/** @returns {Promise<string | undefined>} why it could not be installed. */
export async function installPackage(name) {
  if (process.getuid?.() !== 0) return 'not root, so it is not installed for you';
  console.log(`Installing ${name} with apt-get`);
  try {
    await aptGet('update');
    await aptGet('install', '--yes', '--no-install-recommends', name);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT' ? 'there is no apt-get here' : `apt-get: ${error.message.split('\n')[0]}`;
  }
}

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return promisify(execFile)('apt-get', ['--quiet', ...args], { env, timeout: LIMIT_MS, maxBuffer: 64 << 20 });
}
