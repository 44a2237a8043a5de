import assert from 'node:assert/strict';
import { serialize } from 'php-serialize';
import { base64Decode, unserialize, type PhpData } from '../../../../simulators/whmcs/php-unserialize';

const read = (text: string): PhpData | undefined => unserialize(Buffer.from(text));

describe('unserialize', () => {
  const vectors: [string, [number, PhpData][]][] = [
    ['YToxOntpOjE7czo2OiJHb29nbGUiO30=', [[1, 'Google']]],
    ['YToxOntpOjE7aTo5OTk7fQ==', [[1, 999]]],
    ['YToxOntpOjEyO3M6NjoixaBrb2RhIjt9', [[12, 'Škoda']]],
    ['YToxOntpOjU7czo0OiLwn5qAIjt9', [[5, '🚀']]],
    ['YToxOntpOjc7czo1OiJhImI7fSI7fQ==', [[7, 'a"b;}']]],
    ['YToxOntpOjE7czo0OiJhYj4+Ijt9', [[1, 'ab>>']]],
    [
      'YToxOntpOjM7YToyOntzOjg6Im9wdGlvbmlkIjtpOjQ0O3M6MzoicXR5IjtpOjI7fX0=',
      [
        [
          3,
          new Map([
            ['optionid', 44],
            ['qty', 2],
          ]),
        ],
      ],
    ],
    ['YTowOnt9', []],
  ];
  for (const [encoded, wanted] of vectors) {
    it(`reads ${encoded}`, () => assert.deepEqual(unserialize(base64Decode(encoded)), new Map(wanted)));
  }

  it('reads what a serializer that is not ours writes', () => {
    const value = { 12: 'Škoda 🚀', name: 'a"b', on: true, off: false, nothing: null, price: 1.5 };
    assert.deepEqual(read(serialize(value)), new Map<string | number, PhpData>([[12, value[12]], ...rest(value)]));
  });

  const malformed: [string, string][] = [
    ['a length in characters instead of bytes', 'a:1:{i:12;s:5:"Škoda";}'],
    ['a length in UTF-16 units', 'a:1:{i:5;s:2:"🚀";}'],
    ['a missing semicolon', 'a:1:{i:1;s:3:"abc"}'],
    ['fewer elements than announced', 'a:2:{i:1;s:3:"abc";}'],
    ['more elements than announced', 'a:1:{i:1;i:1;i:2;i:2;}'],
    ['a boolean that is neither 0 nor 1', 'b:2;'],
    ['a cut end', 'a:1:{i:1;s:3:"ab'],
    ['JSON', '{"1":"Google"}'],
    ['an object', 'O:8:"stdClass":0:{}'],
    ['nothing', ''],
  ];
  for (const [what, text] of malformed) {
    it(`refuses ${what}`, () => assert.equal(read(text), undefined));
  }

  it('refuses base64 whose plus became a space', () => {
    assert.equal(unserialize(base64Decode('YToxOntpOjE7czo0OiJhYj4 Ijt9')), undefined);
  });
});

function rest(value: object): [string, PhpData][] {
  return Object.entries(value).filter(([key]) => key !== '12');
}
