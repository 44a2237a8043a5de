import assert from 'node:assert/strict';
import { Type } from 'avsc';
import { payloadDecoder } from '../../../lib/salesforce/events/avro';

describe('The payload of an event', () => {
  /** Avro's own writing of a long: zig-zag, seven bits a byte. */
  function long(value: bigint): Buffer {
    let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    const bytes: number[] = [];
    for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
    return Buffer.from([...bytes, Number(left)]);
  }
  const text = (value: string): Buffer => Buffer.concat([long(BigInt(Buffer.byteLength(value))), Buffer.from(value)]);
  const second = long(1n);

  const created = Date.UTC(2026, 0, 5, 9, 0, 0, 517);
  const schema = {
    type: 'record',
    name: 'OrderProvisionRequested__e',
    namespace: 'com.sforce.eventbus',
    uuid: 'K98aAtiNFBjA-PJlcvaQ2g',
    fields: [
      { name: 'CreatedDate', type: 'long', doc: 'CreatedDate:DateTime' },
      { name: 'CreatedById', type: 'string', doc: 'CreatedBy:EntityId' },
      { name: 'OrderId__c', type: ['null', 'string'], doc: 'Data:Text:00N000000000001', default: null },
      { name: 'Seats__c', type: ['null', 'double'], default: null },
      { name: 'Counter__c', type: ['null', 'long'], default: null },
      { name: 'DueAt__c', type: ['null', 'long'], doc: 'Data:DateTime', default: null },
      { name: 'Urgent__c', type: ['null', 'boolean'], default: null },
    ],
  };
  const head = Buffer.concat([long(BigInt(created)), text('005Ql000000AbCdIAK')]);

  it('is told as Salesforce sent it: 64-bit numbers as texts, dates in ISO, unions as the value alone', () => {
    const bytes = Buffer.concat([
      ...[head, second, text('801Ql000001AbCdIAK'), second, Type.forSchema('double').toBuffer(2.5)],
      ...[second, long(9007199254740993n), second, long(BigInt(created)), second, Buffer.from([1])],
    ]);
    assert.deepEqual(payloadDecoder(JSON.stringify(schema))(bytes), {
      createdAt: created,
      fields: {
        CreatedDate: '2026-01-05T09:00:00.517Z',
        CreatedById: '005Ql000000AbCdIAK',
        OrderId__c: '801Ql000001AbCdIAK',
        Seats__c: 2.5,
        Counter__c: '9007199254740993',
        DueAt__c: '2026-01-05T09:00:00.517Z',
        Urgent__c: true,
      },
    });
  });

  it('keeps small and negative 64-bit numbers as texts too, and nulls as nulls', () => {
    const none = Buffer.from([0]);
    const bytes = Buffer.concat([head, none, none, second, long(-3n), none, none]);
    const { fields } = payloadDecoder(JSON.stringify(schema))(bytes);
    assert.deepEqual(
      [fields.Counter__c, fields.OrderId__c, fields.Seats__c, fields.DueAt__c],
      ['-3', null, null, null],
    );
  });

  it('that is cut short, too long, or of another schema is refused', () => {
    const decode = payloadDecoder(JSON.stringify(schema));
    const none = Buffer.alloc(5);
    decode(Buffer.concat([head, none]));
    assert.throws(() => decode(head));
    assert.throws(() => decode(Buffer.alloc(0)));
    assert.throws(() => decode(Buffer.concat([head, none, Buffer.from([7])])));
    assert.throws(() => decode(Buffer.from('not avro at all')));
  });

  it('with a schema that is none is refused', () => {
    for (const schemaJson of [
      '',
      '"string"',
      '{}',
      '{"type":"record","name":"X","fields":[{"name":"a","type":"what"}]}',
    ])
      assert.throws(() => payloadDecoder(schemaJson), schemaJson);
  });
});
