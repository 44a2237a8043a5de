/** What became of an AddOrder: each rule of the decision, without effects. */
import assert from 'node:assert/strict';
import { unknownSender } from '../../../lib/provisioning/add-record';
import { markerText } from '../../../lib/provisioning/marker';
import { newRecord, type AddIntent, type OrderRecord } from '../../../lib/provisioning/order-record';
import type { Row } from '../../../lib/provisioning/orders-reading';
import { lookAtAdd, type AddDecision, type AddSight } from '../../../lib/provisioning/settle-add';
import type { Fact } from '../../../lib/state/contract';
import { clientId, orderId, otherOrderId } from './vendor-doubles/world';

const store = '0a1b2c3d';
const otherStore = 'ffffffff';

function intent(over: Partial<AddIntent> = {}): AddIntent {
  return {
    id: 'a1',
    generation: 1,
    at: 0,
    sender: { ...unknownSender, instance: 'p1' },
    whmcs: 'https://whmcs.example:443/includes/api.php',
    clientId,
    items: [],
    marker: markerText({ orderId, store, intent: 'a1' }),
    watermark: 5000,
    terms: { markerIn: 'notes', resend: 'once', quarantineMs: 300_000 },
    askedAgain: null,
    newOrderAsked: false,
    settled: null,
    stopped: null,
    ...over,
  };
}

interface RowOf {
  id: number;
  /** A second mark beside the first. */
  also?: { orderId: string };
  marker?: { orderId?: string; store?: string; intent?: string };
  claimedBy?: string;
  status?: string;
  client?: number;
  /** As WHMCS prints it. */
  date?: string | null;
}

function row({
  id,
  marker,
  also,
  claimedBy = undefined,
  status = 'Pending',
  client = clientId,
  date = null,
}: RowOf): Row {
  return {
    markers: [marker, also].flatMap((one) => (one ? [{ orderId, store, intent: 'a1', ...one }] : [])),
    claimedBy: claimedBy ?? null,
    order: {
      id,
      orderNumber: '4000000000',
      clientId: client,
      adminRequestorId: null,
      date,
      amount: '0.00',
      paymentMethod: 'mailin',
      invoiceId: null,
      paymentStatus: '',
      status,
      notes: '',
      lines: [],
    },
  };
}

interface Case {
  adds?: AddIntent[];
  record?: Partial<OrderRecord>;
  facts?: Omit<Fact, 'at' | 'intent'>[];
  rows?: RowOf[] | null;
  quarantine?: AddSight['quarantine'];
  passes?: number[][];
}

function look({
  adds = [intent()],
  record = {},
  facts = [],
  // The order that the watermark was taken from.
  rows = [{ id: 5000 }],
  quarantine = 'over',
  passes,
}: Case = {}): AddDecision {
  const ids = (rows ?? []).map(({ id }) => id).filter((id) => id > 5000);
  return lookAtAdd({
    orderId,
    store,
    record: { ...newRecord(), attempt: 1, attemptState: 'open', adds, ...record },
    intent: adds[adds.length - 1] ?? intent(),
    facts: facts.map((fact) => ({ at: 0, intent: adds[adds.length - 1]?.id ?? 'a1', ...fact })),
    rows: rows?.map(row) ?? null,
    quarantine,
    passes: passes ?? [ids, ids],
  });
}

const ids = (decision: AddDecision): number[] =>
  decision.do === 'stop' ? decision.candidates.map((one) => one.order.id) : [];
const stop = (decision: AddDecision): string =>
  decision.do === 'stop' ? `${decision.code} ${decision.why}` : decision.do;

describe('What became of a call to add an order', () => {
  describe('by its facts, before anything is read', () => {
    it('is the order that the answer named', () => {
      const decision = look({ facts: [{ kind: 'order-seen', whmcsOrderId: 5007 }], rows: null, quarantine: 'sender' });
      assert.deepEqual(decision, { do: 'adopt', orderId: 5007, how: 'success', row: null });
    });

    it('is nothing when it was not sent', () => {
      const decision = look({
        facts: [{ kind: 'not-sent', detail: 'not-sent: ECONNREFUSED' }],
        rows: null,
        quarantine: 'sender',
      });
      assert.deepEqual(decision, { do: 'settle', how: 'not-sent', detail: 'not-sent: ECONNREFUSED' });
    });

    it('is nothing when WHMCS refused it', () => {
      const facts = [{ kind: 'call-ended' as const, detail: 'refused: Invalid Payment Method: none' }];
      assert.deepEqual(look({ facts, rows: null }), {
        do: 'settle',
        how: 'refused',
        detail: 'Invalid Payment Method: none',
      });
    });

    it('is not told by a call that ended without an answer', () => {
      const facts = [{ kind: 'sent' as const }, { kind: 'call-ended' as const, detail: 'unknown: ETIMEOUT' }];
      assert.deepEqual(look({ facts, rows: null, quarantine: 'running' }), { do: 'wait', for: 'quarantine' });
    });
  });

  describe('by the rows of WHMCS', () => {
    it('is a row with our mark, as soon as it is seen', () => {
      const decision = look({ rows: [{ id: 5001, marker: {} }], quarantine: 'sender' });
      assert.equal(decision.do === 'adopt' && decision.orderId, 5001);
    });

    it('is a row with our mark below the watermark too, since ids can be used again', () => {
      const decision = look({ rows: [{ id: 4000, marker: {} }], quarantine: 'sender' });
      assert.equal(decision.do === 'adopt' && decision.orderId, 4000);
    });

    it('is a row with the mark of another store for this order', () => {
      const decision = look({ rows: [{ id: 5001, marker: { store: otherStore, intent: 'a9' } }] });
      assert.equal(decision.do === 'adopt' && decision.orderId, 5001);
    });

    it('is a row that this order has claimed', () => {
      assert.equal(look({ rows: [{ id: 5001, claimedBy: orderId }] }).do, 'adopt');
    });

    it('stops at two rows with our mark', () => {
      const decision = look({
        rows: [
          { id: 5001, marker: {} },
          { id: 5002, marker: { intent: 'a2' } },
        ],
      });
      assert.equal(stop(decision), 'WHMCS_TWIN twin');
      assert.deepEqual(ids(decision), [5001, 5002]);
    });

    it('takes the one of two that was not cancelled', () => {
      const decision = look({
        rows: [
          { id: 5001, marker: {}, status: 'Cancelled' },
          { id: 5002, marker: {} },
        ],
      });
      assert.equal(decision.do === 'adopt' && decision.orderId, 5002);
    });

    it('takes a cancelled one when there is no other, so that it is told as gone instead of being made again', () => {
      const decision = look({ rows: [{ id: 5001, marker: {}, status: 'Cancelled' }] });
      assert.equal(decision.do === 'adopt' && decision.orderId, 5001);
    });

    it('stops at a row with our mark that another order has claimed', () => {
      assert.equal(
        stop(look({ rows: [{ id: 5001, marker: {}, claimedBy: otherOrderId }] })),
        'WHMCS_ORDER_FOREIGN claimed',
      );
    });

    it('stops when WHMCS answers with rows of another client', () => {
      assert.equal(
        stop(look({ rows: [{ id: 5001, client: 7 }], quarantine: 'sender' })),
        'WHMCS_OUTCOME_UNKNOWN foreign-rows',
      );
    });

    it('is not a row that bears two orders’ marks: a person must look', () => {
      const rows = [{ id: 5001, marker: {}, also: { orderId: otherOrderId } }];
      assert.equal(stop(look({ rows })), 'WHMCS_OUTCOME_UNKNOWN unexplained');
    });

    it('is not a row of ours from before the call: claimed by us below the watermark, or one that has had its day', () => {
      assert.equal(look({ rows: [{ id: 4990, claimedBy: orderId }] }).do, 'settle');
      const past = [{ orderId: 5001 }] as OrderRecord['past'];
      for (const marker of [{ marker: {} }, {}])
        assert.equal(look({ record: { past }, rows: [{ id: 5001, ...marker }] }).do, 'settle');
    });

    it('is told by the rows when answers have named two orders', () => {
      const facts = [5001, 5002].map((whmcsOrderId) => ({ kind: 'order-seen' as const, whmcsOrderId }));
      assert.equal(look({ facts, rows: null, quarantine: 'sender' }).do, 'wait');
      assert.equal(stop(look({ facts, rows: [{ id: 5001 }, { id: 5002 }] })), 'WHMCS_TWIN twin');
      const decision = look({ facts, rows: [{ id: 5001, status: 'Cancelled' }, { id: 5002 }] });
      assert.equal(decision.do === 'adopt' && decision.orderId, 5002);
    });

    it('is not a row of an earlier generation', () => {
      const adds = [
        intent({ settled: { how: 'success', at: 0, detail: '' } }),
        intent({ id: 'a2', generation: 2, watermark: 5001 }),
      ];
      const rows = [{ id: 5001, marker: {}, status: 'Cancelled' }];
      assert.deepEqual(look({ adds, record: { generation: 2 }, rows, passes: [[], []] }).do, 'settle');
    });
  });

  describe('by absence', () => {
    it('is not judged while the sender may still send', () => {
      assert.deepEqual(look({ quarantine: 'sender' }), { do: 'wait', for: 'sender' });
    });

    it('is not judged during the quarantine', () => {
      assert.deepEqual(look({ quarantine: 'running' }), { do: 'wait', for: 'quarantine' });
    });

    it('is not judged by one pass', () => {
      assert.deepEqual(look({ passes: [[]] }), { do: 'wait', for: 'passes' });
    });

    it('is not judged by passes that differ', () => {
      assert.deepEqual(look({ passes: [[5001], []] }), { do: 'wait', for: 'passes' });
    });

    it('is judged by the last two passes, whatever those before were', () => {
      assert.equal(look({ passes: [[5001], [], []] }).do, 'settle');
    });

    it('stops after five passes that differ', () => {
      assert.equal(stop(look({ passes: [[1], [2], [3], [4], []] })), 'WHMCS_OUTCOME_UNKNOWN unstable');
    });

    it('is not judged by an empty answer for a client that had orders', () => {
      assert.deepEqual(look({ rows: [], passes: [[], []] }), { do: 'wait', for: 'passes' });
      assert.equal(stop(look({ rows: [], passes: [[], [], [], [], []] })), 'WHMCS_OUTCOME_UNKNOWN vanished');
    });

    it('is judged by an empty answer for a client that had none', () => {
      assert.equal(look({ adds: [intent({ watermark: 0 })], rows: [], passes: [[], []] }).do, 'settle');
    });

    it('means that this call made none, after two equal passes', () => {
      const decision = look({ rows: [{ id: 4999 }] });
      assert.equal(decision.do === 'settle' && decision.how, 'none');
    });

    it('stops at a row above the watermark that nothing explains', () => {
      const decision = look({ rows: [{ id: 5001 }, { id: 4999 }] });
      assert.equal(stop(decision), 'WHMCS_OUTCOME_UNKNOWN unexplained');
      assert.deepEqual(ids(decision), [5001]);
    });

    it('stops at such a row even when it was cancelled since', () => {
      assert.equal(stop(look({ rows: [{ id: 5001, status: 'Cancelled' }] })), 'WHMCS_OUTCOME_UNKNOWN unexplained');
    });

    it('takes rows with another order’s mark, or claimed by one, as explained', () => {
      const rows = [
        { id: 5001, marker: { orderId: otherOrderId } },
        { id: 5002, claimedBy: otherOrderId },
      ];
      assert.equal(look({ rows }).do, 'settle');
    });

    it('counts from the lowest watermark of the intents that may have made a row', () => {
      const adds = [
        intent({ settled: { how: 'none', at: 0, detail: '' } }),
        intent({ id: 'a2', watermark: 5010, askedAgain: 2 }),
      ];
      assert.equal(stop(look({ adds, rows: [{ id: 5005 }] })), 'WHMCS_OUTCOME_UNKNOWN unexplained');
    });

    it('looks at every row when no watermark is known', () => {
      const adds = [intent({ watermark: null, sender: unknownSender })];
      assert.equal(stop(look({ adds, rows: [{ id: 12 }], passes: [[12], [12]] })), 'WHMCS_OUTCOME_UNKNOWN unexplained');
    });

    describe('without a watermark, by the dates of the rows', () => {
      const createdAt = Date.UTC(2026, 0, 5, 9);
      const days = 86_400_000;
      const dated = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
      const lost = [intent({ watermark: null, sender: unknownSender })];
      const by = (date: string | null, over: Case = {}): string => {
        const decision = look({
          adds: lost,
          record: { seen: { status: 'Activating', createdAt, modifiedAt: createdAt, modifiedById: '005' } },
          rows: [{ id: 12, date }],
          passes: [[12], [12]],
          ...over,
        });
        return decision.do === 'settle' ? decision.how : stop(decision);
      };

      it('is none beside rows that are older than the Salesforce Order by more than two days', () => {
        assert.equal(by(dated(createdAt - 2 * days - 1_000)), 'none');
        assert.equal(by('2025-12-31'), 'none');
      });

      it('stops at a row that may be as young as the Order: two days are left to zones and clocks', () => {
        for (const at of [createdAt - 2 * days, createdAt - days, createdAt, createdAt + 30 * days])
          assert.equal(by(dated(at)), 'WHMCS_OUTCOME_UNKNOWN unexplained');
      });

      it('stops at a row whose date is missing, or is none', () => {
        for (const date of [null, '', '0000-00-00 00:00:00', '1970-01-01 00:00:00', '2025-00-10', '31/12/2024', 'now'])
          assert.equal(by(date), 'WHMCS_OUTCOME_UNKNOWN unexplained', String(date));
      });

      it('stops where it is not known when the Order was created', () => {
        const seen = { status: 'Activating', createdAt: null, modifiedAt: createdAt, modifiedById: '005' };
        for (const record of [{ seen }, { seen: null }])
          assert.equal(by('2020-01-01 00:00:00', { record }), 'WHMCS_OUTCOME_UNKNOWN unexplained');
      });

      it('does not explain a row above a watermark by its date: it came after the call, whatever it says', () => {
        const adds = [
          intent({ watermark: null, sender: unknownSender, settled: { how: 'none', at: 0, detail: '' } }),
          intent({ id: 'a2', watermark: 20, askedAgain: 2 }),
        ];
        const rows = [
          { id: 12, date: '2020-01-01 00:00:00' },
          { id: 21, date: '2020-01-01 00:00:00' },
        ];
        const over = {
          adds,
          rows,
          passes: [
            [12, 21],
            [12, 21],
          ],
        };
        assert.equal(by(null, over), 'WHMCS_OUTCOME_UNKNOWN unexplained');
        assert.equal(by(null, { ...over, rows: rows.slice(0, 1), passes: [[12], [12]] }), 'none');
      });
    });

    it('needs no quarantine after an answer that was complete, and makes it a refusal', () => {
      const facts = [{ kind: 'call-ended' as const, detail: 'unclear: Invalid or Missing Payment Information' }];
      const decision = look({ facts, quarantine: 'sender' });
      assert.deepEqual(decision, { do: 'settle', how: 'refused', detail: 'Invalid or Missing Payment Information' });
    });

    it('stops instead of adding a third time', () => {
      const adds = [intent({ settled: { how: 'none', at: 0, detail: '' } }), intent({ id: 'a2' })];
      assert.equal(stop(look({ adds })), 'WHMCS_OUTCOME_UNKNOWN not-again');
    });

    it('lets a person’s Retry after a stop add once more', () => {
      const adds = [intent({ settled: { how: 'none', at: 0, detail: '' } }), intent({ id: 'a2', askedAgain: 2 })];
      assert.equal(look({ adds }).do, 'settle');
    });

    describe('where the setting forbids a second call', () => {
      const never = { markerIn: 'notes' as const, resend: 'never' as const, quarantineMs: 0 };

      it('stops, on Retry too', () => {
        for (const askedAgain of [null, 2])
          assert.equal(stop(look({ adds: [intent({ terms: never, askedAgain })] })), 'WHMCS_OUTCOME_UNKNOWN not-again');
      });

      it('adds on a person’s word, also beside a row that is dead, but not beside one that lives', () => {
        const adds = [intent({ terms: never, askedAgain: 2, newOrderAsked: true })];
        assert.equal(look({ adds }).do, 'settle');
        assert.equal(look({ adds, rows: [{ id: 5001, status: 'Cancelled' }] }).do, 'settle');
        for (const status of ['Pending', 'Active', 'On Hold'])
          assert.equal(stop(look({ adds, rows: [{ id: 5001, status }] })), 'WHMCS_OUTCOME_UNKNOWN unexplained');
      });
    });

    it('does not count calls that WHMCS never carried out', () => {
      const adds = [
        intent({ settled: { how: 'refused', at: 0, detail: '' } }),
        intent({ id: 'a2', settled: { how: 'not-sent', at: 0, detail: '' } }),
        intent({ id: 'a3' }),
      ];
      assert.equal(look({ adds }).do, 'settle');
    });
  });
});
