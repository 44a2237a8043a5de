import assert from 'node:assert/strict';
import { encodeForm } from '../../../lib/whmcs/form';
import { encodeById, serializeById, type ById } from '../../../lib/whmcs/php-serialize';

describe('the body of a WHMCS call', () => {
  it('writes lists with explicit indices, as http_build_query does', () => {
    assert.equal(encodeForm({ pid: [12, 31] }), 'pid%5B0%5D=12&pid%5B1%5D=31');
  });

  it('keeps the places of a list that have no value, so that lists stay aligned', () => {
    assert.equal(
      encodeForm({ pid: [1, 2, 3], domain: [undefined, 'a.example', null] }),
      'pid%5B0%5D=1&pid%5B1%5D=2&pid%5B2%5D=3&domain%5B0%5D=&domain%5B1%5D=a.example&domain%5B2%5D=',
    );
  });

  it('sends 1 for true and leaves false, null and undefined out', () => {
    assert.equal(encodeForm({ a: true, noinvoice: false, b: null, c: undefined, d: 0, e: '' }), 'a=1&d=0&e=');
  });

  it('names the keys of a map', () => {
    assert.equal(encodeForm({ domainrenewals: { 'a.example': 1 } }), 'domainrenewals%5Ba.example%5D=1');
  });

  it('escapes all that PHP escapes: a plus above all, which PHP reads as a blank', () => {
    assert.equal(
      encodeForm({ v: "a+b c~d'(!*)&=%/é🚀" }),
      'v=a%2Bb+c%7Ed%27%28%21%2A%29%26%3D%25%2F%C3%A9%F0%9F%9A%80',
    );
  });

  it('does not fall over a lone surrogate', () => {
    assert.equal(encodeForm({ v: 'a\ud83d' }), 'v=a%EF%BF%BD');
  });

  it('refuses a number that PHP would read as text', () => {
    assert.throws(() => encodeForm({ amount: NaN }), TypeError);
    assert.throws(() => encodeForm({ amount: [Infinity] }), TypeError);
  });
});

describe('custom fields in PHP form', () => {
  const vectors: [values: ById, serialized: string, base64: string][] = [
    [{ 1: 'Google' }, 'a:1:{i:1;s:6:"Google";}', 'YToxOntpOjE7czo2OiJHb29nbGUiO30='],
    [{ 1: 999 }, 'a:1:{i:1;i:999;}', 'YToxOntpOjE7aTo5OTk7fQ=='],
    [{ 12: 'Škoda' }, 'a:1:{i:12;s:6:"Škoda";}', 'YToxOntpOjEyO3M6NjoixaBrb2RhIjt9'],
    [{ 5: '🚀' }, 'a:1:{i:5;s:4:"🚀";}', 'YToxOntpOjU7czo0OiLwn5qAIjt9'],
    [{ 7: 'a"b;}' }, 'a:1:{i:7;s:5:"a"b;}";}', 'YToxOntpOjc7czo1OiJhImI7fSI7fQ=='],
    [{ 1: 'ab>>' }, 'a:1:{i:1;s:4:"ab>>";}', 'YToxOntpOjE7czo0OiJhYj4+Ijt9'],
    [
      { 3: { optionid: 44, qty: 2 } },
      'a:1:{i:3;a:2:{s:8:"optionid";i:44;s:3:"qty";i:2;}}',
      'YToxOntpOjM7YToyOntzOjg6Im9wdGlvbmlkIjtpOjQ0O3M6MzoicXR5IjtpOjI7fX0=',
    ],
    [{}, 'a:0:{}', 'YTowOnt9'],
  ];
  for (const [values, serialized, base64] of vectors) {
    it(`writes ${serialized}`, () => {
      assert.equal(serializeById(values), serialized);
      assert.equal(encodeById(values), base64);
    });
  }

  it('reaches WHMCS with its plus signs', () => {
    assert.equal(
      encodeForm({ customfields: [encodeById({ 1: 'ab>>' })] }),
      'customfields%5B0%5D=YToxOntpOjE7czo0OiJhYj4%2BIjt9',
    );
  });
});
