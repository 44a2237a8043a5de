import assert from 'node:assert/strict';
import { IdSequence, readId, toLongId } from '../../../../simulators/salesforce/ids';

describe('salesforce simulator: ids', () => {
  it('gives the suffix of the published vectors', () => {
    assert.equal(toLongId('a0D30000001n7Pi'), 'a0D30000001n7PiEAI');
    assert.equal(toLongId('801Ql000001AbCd'), '801Ql000001AbCdIAK');
    assert.equal(toLongId('802Ql000001AbCe'), '802Ql000001AbCeIAK');
    assert.equal(toLongId('801ABCDEFGHIJKL'), '801ABCDEFGHIJKLY55');
    assert.equal(toLongId('801000000000001'), '801000000000001AAA');
  });

  it('takes 15 characters for the same record as 18', () => {
    assert.equal(readId('801Ql000001AbCd'), '801Ql000001AbCdIAK');
    assert.equal(readId('801Ql000001AbCdIAK'), '801Ql000001AbCdIAK');
  });

  it('mends the case of an 18-character id by its suffix', () => {
    assert.equal(readId('801QL000001ABCDIAK'), '801Ql000001AbCdIAK');
    assert.equal(readId('801ql000001abcdiak'), '801Ql000001AbCdIAK');
  });

  it('refuses what is no id', () => {
    for (const text of ['', '801zz', '801Ql000001AbCd!AK', '801Ql000001AbCdI', '801000000000001BAA']) {
      assert.equal(readId(text), null, text);
    }
  });

  it('gives every record of an sObject an id of its own', () => {
    const sequence = new IdSequence('801');
    const ids = Array.from({ length: 200 }, () => sequence.take());
    assert.equal(new Set(ids).size, 200);
    for (const id of ids) assert.equal(readId(id), id);
  });
});
