import assert from 'node:assert/strict';
import { markerIn, markersIn, markersOf, markerText } from '../../../lib/provisioning/marker';
import { FakeClock } from '../../fake-clock';
import { InMemoryWhmcs } from './vendor-doubles/in-memory-whmcs';
import { asked, clientId, orderId, otherOrderId } from './vendor-doubles/world';

const mark = { orderId, store: '0a1b2c3d', intent: 'a12' };

describe('The mark on a WHMCS order', () => {
  it('names the Salesforce order, the store and the intent', () => {
    assert.equal(markerText(mark), `sfOrderId=${orderId};i=0a1b2c3d-a12`);
  });

  it('is read back from among whatever others have written', () => {
    const text = `Ordered by phone.\r\n${markerText(mark)}\r\nIP 192.0.2.1 sfOrderId=801;i=zz`;
    assert.deepEqual(markersIn(text), [mark]);
  });

  it('is not seen where it was cut short', () => {
    assert.deepEqual(markersIn(markerText(mark).slice(0, -4)), []);
    assert.deepEqual(markersIn(''), []);
  });

  it('is found in notes and in the custom fields of the order’s own services', async () => {
    const server = new InMemoryWhmcs(new FakeClock());
    const items = asked().map((item) => ({ ...item, customFields: { 7: markerText(mark) } }));
    const inFields = server.add({ clientId, items });
    const other = { ...mark, orderId: otherOrderId };
    const inNotes = server.add({ clientId, items: asked(), notes: markerText(other) });
    const services = await server.connect().getServices({ clientId });
    assert.deepEqual(markersOf(inFields, services), [mark, mark]);
    assert.deepEqual(markersOf(inNotes, services), [other]);
    assert.deepEqual(markersOf(inFields, []), []);
  });

  it('goes where the setting says', () => {
    assert.equal(markerIn('notes'), 'notes');
    assert.equal(markerIn('none'), 'none');
    assert.equal(markerIn({ customFieldId: 7 }), 'field');
  });
});
