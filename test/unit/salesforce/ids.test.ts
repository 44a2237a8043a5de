import assert from 'node:assert/strict';
import { orderIdOf, sameId, toId18 } from '../../../lib/salesforce/ids';

describe('Salesforce ids', () => {
  const vectors: [string, string][] = [
    ['a0D30000001n7Pi', 'a0D30000001n7PiEAI'],
    ['801Ql000001AbCd', '801Ql000001AbCdIAK'],
    ['802Ql000001AbCe', '802Ql000001AbCeIAK'],
    ['801ABCDEFGHIJKL', '801ABCDEFGHIJKLY55'],
    ['801000000000001', '801000000000001AAA'],
  ];
  for (const [short, long] of vectors) {
    it(`turns ${short} into ${long}, and leaves ${long} as it is`, () => {
      assert.equal(toId18(short), long);
      assert.equal(toId18(long), long);
    });
  }

  it('refuses what is no id, or has the suffix of another one', () => {
    for (const text of [
      '',
      '801Ql000001AbC',
      '801Ql000001AbCdIA',
      '801Ql000001Ab-d',
      '801Ql000001AbCdIAL',
      '801ql000001abcdIAK',
    ])
      assert.equal(toId18(text), null, text);
  });

  it('takes a suffix in any case, and gives it back as Salesforce writes it', () => {
    assert.equal(toId18('801Ql000001AbCdiak'), '801Ql000001AbCdIAK');
  });

  it('knows an Order by its prefix, with blanks around it', () => {
    assert.equal(orderIdOf(' 801Ql000001AbCd\n'), '801Ql000001AbCdIAK');
    assert.equal(orderIdOf('802Ql000001AbCeIAK'), null);
    assert.equal(orderIdOf("801' OR Name != '"), null);
  });

  it('compares ids by their first 15 characters, case and all', () => {
    assert.equal(sameId('801Ql000001AbCd', '801Ql000001AbCdIAK'), true);
    assert.equal(sameId('801Ql000001AbCd', '801Ql000001Abcd'), false);
  });
});
