import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { errorCodesPage } from '../../../scripts/error-codes-page';

describe('docs/error-codes.md', () => {
  it('is what the table of error codes says (npm run docs writes it)', () => {
    assert.equal(readFileSync('docs/error-codes.md', 'utf8'), errorCodesPage());
  });
});
