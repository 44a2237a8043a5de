/** Finds the browser that the browser tests drive; installs it where this machine lets us. */
import { installPackage } from './system-package.mjs';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** @returns {Promise<{ path?: string, missing?: string }>} `missing`: what to install, in one line. */
export async function chromiumForTests() {
  if (process.env.CHROMIUM_PATH) return { path: process.env.CHROMIUM_PATH };
  const found = find();
  if (found) return { path: found };
  const refusal = await installPackage('chromium');
  const installed = find();
  if (installed) return { path: installed };
  const why = refusal ?? 'the package has no chromium';
  return {
    missing: `not run: install Chromium or Google Chrome (on Debian or Ubuntu: apt-get install chromium), or set CHROMIUM_PATH; ${why}`,
  };
}

function find() {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = [...NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))), ...ELSEWHERE];
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
