/** `npm run coverage`: the command line (scripts/coverage/main.ts) in this process, so that Ctrl+C reaches it once. */
import { createRequire } from 'node:module';

try {
  await import('tsx');
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.error('The packages are not installed: run "npm ci" first.');
  process.exit(2);
}
createRequire(import.meta.url)('./coverage/main.ts');
