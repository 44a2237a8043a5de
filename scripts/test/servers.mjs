/** Finds the servers that suites start for themselves; installs them where this machine lets us. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { installPackage } from './system-package.mjs';

const DEBIAN_POSTGRES = '/usr/lib/postgresql';
const SERVERS = [
  { name: 'Redis', files: ['redis-server', 'redis-sentinel'], packages: ['redis-server', 'redis-sentinel'] },
  { name: 'PostgreSQL', files: ['initdb', 'postgres'], packages: ['postgresql'] },
];

let looking;

/** @returns {Promise<string | undefined>} what to install, in one line; undefined: all are there. */
export function missingServers() {
  // Two parts may ask at a time.
  looking ??= look();
  return looking;
}

async function look() {
  const missing = [];
  for (const server of SERVERS) {
    if (isThere(server)) continue;
    let refusal;
    for (const name of server.packages) refusal ??= await installPackage(name);
    if (!isThere(server)) missing.push({ ...server, refusal });
  }
  if (!missing.length) return undefined;
  const names = missing.map(({ name }) => name).join(' and ');
  const packages = missing.flatMap((server) => server.packages).join(' ');
  const why = missing.map(({ refusal, name }) => refusal ?? `the package has no ${name}`).join('; ');
  return `not run: install ${names} (on Debian or Ubuntu: apt-get install ${packages}); ${why}`;
}

function isThere({ files }) {
  const versions = existsSync(DEBIAN_POSTGRES) ? readdirSync(DEBIAN_POSTGRES) : [];
  const folders = [
    ...(process.env.PATH ?? '').split(path.delimiter),
    ...versions.map((version) => path.join(DEBIAN_POSTGRES, version, 'bin')),
  ];
  return files.every((file) => folders.some((folder) => canRun(path.join(folder, file))));
}

function canRun(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
