/** Writes docs/error-codes.md from the table in lib/provisioning/error-codes.ts: `npm run docs`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodesPage } from './error-codes-page';

const folder = join(__dirname, '..', 'docs');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'error-codes.md'), errorCodesPage());
