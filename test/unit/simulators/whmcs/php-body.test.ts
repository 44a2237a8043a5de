import assert from 'node:assert/strict';
import { isTrue, oddTexts, parseBody, toFloat, toInt, type PhpValue } from '../../../../simulators/whmcs/php-body';

const urlencoded = 'application/x-www-form-urlencoded';

function parse(body: string, maxVars?: number): ReturnType<typeof parseBody> {
  return parseBody(Buffer.from(body), urlencoded, maxVars);
}

/** Maps as plain objects, for reading. */
function plain(value: PhpValue): unknown {
  return value instanceof Map ? Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)])) : value;
}

const post = (body: string): unknown => plain(parse(body).post);

describe('a form body as PHP reads it', () => {
  const vectors: [string, string, unknown][] = [
    ['indexed names make an array', 'pid%5B0%5D=1&pid%5B1%5D=2', { pid: { 0: '1', 1: '2' } }],
    ['brackets need not be encoded', 'pid[0]=1&pid[1]=2', { pid: { 0: '1', 1: '2' } }],
    ['empty brackets append', 'a[]=x&a[7]=y&a[]=z', { a: { 0: 'x', 7: 'y', 8: 'z' } }],
    ['brackets nest', 'a[k][j]=1&a[k][i]=2', { a: { k: { j: '1', i: '2' } } }],
    ['the last of two plain names wins', 'pid=12&pid=31', { pid: '31' }],
    ['a comma is only text', 'pid=12,31', { pid: '12,31' }],
    ['an array displaces a scalar, and the other way round', 'a=1&a[0]=2&b[0]=1&b=2', { a: { 0: '2' }, b: '2' }],
    ['a plus is a space, %2B is a plus', 'a=1+2%2B3', { a: '1 2+3' }],
    ['UTF-8 is decoded from its bytes', 'a=%C5%A0koda+%F0%9F%9A%80', { a: 'Škoda 🚀' }],
    ['a stray percent stays', 'a=100%&b=%zz', { a: '100%', b: '%zz' }],
    ['a name without a value is empty', 'a&b=', { a: '', b: '' }],
    ['dots and spaces in names become underscores', 'a.b=1&c d=2', { a_b: '1', c_d: '2' }],
    ['an unclosed bracket becomes an underscore', 'a[b=1', { a_b: '1' }],
    ['what follows a closed bracket is dropped', 'a[b]c=1', { a: { b: '1' } }],
    ['a variable without a name is dropped', '=1&[x]=2&b=3', { b: '3' }],
    ['only the first equals sign parts name and value', 'a=b=c', { a: 'b=c' }],
    ['a leading zero makes a text key', 'a[01]=x&a[]=y', { a: { '01': 'x', 0: 'y' } }],
  ];
  for (const [what, body, wanted] of vectors) {
    it(what, () => assert.deepEqual(post(body), wanted));
  }

  it('drops what exceeds max_input_vars, and says how many', () => {
    const body = parse('a=1&b=2&c=3', 2);
    assert.deepEqual(plain(body.post), { a: '1', b: '2' });
    assert.equal(body.dropped, 1);
  });

  it('reads multipart fields, and leaves files out', () => {
    const body = Buffer.from(
      [
        '--XyZ',
        'Content-Disposition: form-data; name="pid[0]"',
        '',
        '14',
        '--XyZ',
        'Content-Disposition: form-data; name="notes"',
        'Content-Type: text/plain; charset=utf-8',
        '',
        'Škoda\r\nline two',
        '--XyZ',
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        '',
        'no',
        '--XyZ--',
        '',
      ].join('\r\n'),
    );
    assert.deepEqual(plain(parseBody(body, 'multipart/form-data; boundary=XyZ').post), {
      pid: { 0: '14' },
      notes: 'Škoda\r\nline two',
    });
  });

  it('reads nothing from JSON', () => {
    assert.equal(parseBody(Buffer.from('{"action":"x"}'), 'application/json').post.size, 0);
  });

  it('names the variables that hold JavaScript values turned into words', () => {
    assert.deepEqual(oddTexts(parse('a=false&b=0&c[1]=undefined&d=null&e=falsehood')), ['a', 'c[1]', 'd']);
  });
});

describe('PHP casts', () => {
  it('take the leading number', () => {
    assert.deepEqual(['1,2', 'abc', ' 12', '-3.9', '1e3', '', '0x1A'].map(toInt), [1, 0, 12, -3, 1000, 0, 0]);
    assert.deepEqual(['149.00', '1,5', '.5', 'x'].map(toFloat), [149, 1, 0.5, 0]);
    assert.equal(toInt(new Map([[0, 'x']])), 1);
  });

  it('hold every text but "" and "0" for true', () => {
    assert.deepEqual(['', '0', 'false', '1', '0.0', ' '].map(isTrue), [false, false, true, true, true, true]);
    assert.equal(isTrue(undefined), false);
  });
});
