import assert from 'node:assert/strict';
import type { Entry } from '../../simulators/shared/ledger';
import type { BookedOrder } from '../../simulators/whmcs/back-office';
import { judge, type Expectation, type HeldSalesforceOrder } from './judge';

const id = '801000000000001AAA';
const otherId = '801000000000002AAA';

let seq = 0;
const entry = (what: string, fields: Record<string, unknown>): Entry => ({ seq: ++seq, at: '', what, ...fields });
const made = (orderId: number, forOrder: string | null = id): Entry =>
  entry('orderCreated', { orderId, by: 'api', notes: forOrder === null ? '' : `sfOrderId=${forOrder};i=00000000-a1` });
const accepted = (orderId: number): Entry => entry('orderAccepted', { orderId, by: 'api' });
const ran = (serviceId: number, run: number): Entry => entry('moduleRun', { serviceId, run });
const wrote = (status: string): Entry => entry('statusWritten', { orderId: id, status });

const booked = (orderId: number, status: string): BookedOrder => ({
  id: orderId,
  orderNumber: orderId,
  clientId: 3001,
  status,
  notes: '',
  amount: '15.00',
  paymentMethod: 'mailin',
  invoiceId: null,
  createdAt: '',
  by: 'api',
  accepts: 0,
  services: [],
});

const activated: HeldSalesforceOrder = { id, status: 'Activated', whmcsOrderId: '5001', code: null, message: null };
const failed = (code: string | null, over: Partial<HeldSalesforceOrder> = {}): HeldSalesforceOrder => ({
  id,
  status: 'Failed',
  whmcsOrderId: null,
  code,
  message: code === null ? null : 'why',
  ...over,
});

const service: BookedOrder['services'][number] = {
  id: 9001,
  pid: 20,
  quantity: 1,
  billingCycle: 'monthly',
  status: 'Active',
  firstPayment: '9.50',
  recurring: '9.50',
  domain: '',
  customFields: {},
  configOptions: {},
  moduleRuns: 1,
  remoteAccount: true,
};

interface Case {
  order?: HeldSalesforceOrder;
  whmcs?: BookedOrder[];
  ledger?: Entry[];
  written?: Entry[];
  expected?: Partial<Expectation>;
}

const good: Required<Pick<Case, 'order' | 'whmcs' | 'ledger'>> = {
  order: activated,
  whmcs: [booked(5001, 'Active')],
  ledger: [made(5001), ran(9001, 1), accepted(5001)],
};

function verdict(given: Case) {
  const { order, whmcs, ledger, written = [], expected = {} } = { ...good, ...given };
  return judge(
    { orders: [order], whmcs, whmcsLedger: ledger, salesforceLedger: written },
    { allowances: [], calm: false, asking: [], ...expected },
  );
}

const breaches = (given: Case): string => verdict(given).breaches.join('; ');

describe('The checker of the proof', () => {
  it('finds nothing wrong with one order, accepted once and told', () => {
    assert.deepEqual(verdict({ written: [wrote('Activating'), wrote('Activated')] }), {
      accepted: 1,
      twins: [],
      asked: [],
      failed: [],
      allowed: [],
      breaches: [],
    });
  });

  it('finds two accepted orders, whatever is allowed', () => {
    const ledger = [made(5001), made(5002), accepted(5001), accepted(5002)];
    assert.match(
      breaches({ ledger, expected: { allowances: ['two stores', 'late twin'] } }),
      /2 WHMCS orders were accepted/,
    );
  });

  it('finds a second order that is only Pending, but for a documented limit, which it counts', () => {
    const ledger = [made(5001), made(5002), accepted(5001)];
    assert.match(breaches({ ledger }), /WHMCS made 2 orders/);
    const { twins, allowed, breaches: none } = verdict({ ledger, expected: { allowances: ['late twin'] } });
    const twin = { status: 'absent', besideAccepted: true, told: 'Activated', named: false };
    assert.deepEqual({ twins, allowed, none }, { twins: [twin], allowed: ['late twin'], none: [] });
  });

  it('finds a cancel of the last one, and of one that is accepted', () => {
    const cancelled = (orderId: number): Entry => ({
      ...accepted(orderId),
      what: 'orderStatus',
      status: 'Cancelled',
    });
    const expected = { allowances: ['two stores'] as const };
    const two = [made(5001), made(5002), accepted(5001)];
    assert.equal(breaches({ ledger: [...two, cancelled(5002)], expected }), '');
    assert.match(breaches({ ledger: [...two, cancelled(5001)], expected }), /5001 was cancelled and accepted/);
    const order = failed('WHMCS_ORDER_GONE', { whmcsOrderId: '5001', message: '5001 and 5002' });
    const none = [made(5001), made(5002), cancelled(5001), cancelled(5002)];
    assert.match(breaches({ ledger: none, order, expected }), /all its WHMCS orders were cancelled: 5001, 5002/);
  });

  it('finds a module that ran twice for one service', () => {
    assert.match(breaches({ ledger: [made(5001), ran(9001, 1), ran(9001, 2), accepted(5001)] }), /ran 2 times/);
    const begun = { ...booked(5001, 'Active'), services: [{ ...service, moduleRuns: 2 }] };
    assert.match(breaches({ whmcs: [begun] }), /ran 2 times/);
  });

  it('finds Activated without an order, with one that was never accepted, or that is not Active', () => {
    assert.match(breaches({ order: { ...activated, whmcsOrderId: null } }), /names no WHMCS order/);
    assert.match(breaches({ ledger: [made(5001)] }), /never accepted/);
    assert.match(breaches({ whmcs: [booked(5001, 'Pending')] }), /is Pending/);
  });

  it('counts what bears no mark as that of the one order which is to have none', () => {
    const ledger = [made(5001, null), accepted(5001)];
    assert.match(breaches({ ledger }), /5001 bears no Salesforce Order/);
    assert.equal(breaches({ ledger, expected: { unmarked: id } }), '');
    const twice = [...ledger, made(5002, null), accepted(5002)];
    assert.match(breaches({ ledger: twice, expected: { unmarked: id } }), /2 WHMCS orders were accepted/);
  });

  it("finds an order that bears another order's mark, or none", () => {
    assert.match(breaches({ ledger: [made(5001, otherId), accepted(5001)] }), /bears another mark/);
    assert.match(
      breaches({ ledger: [made(5001), made(5002, null), accepted(5001)] }),
      /5002 bears no Salesforce Order/,
    );
  });

  it('finds an accept of an order that a person keyed in', () => {
    assert.match(breaches({ ledger: [...good.ledger, accepted(5009)] }), /5009, which a person made/);
  });

  it('takes Failed without telling of an order only as the outcome that is unknown', () => {
    const pending: Case = { whmcs: [booked(5001, 'Pending')], ledger: [made(5001)] };
    assert.match(breaches({ ...pending, order: failed('WHMCS_REFUSED') }), /does not tell of WHMCS order 5001/);
    assert.equal(breaches({ ...pending, order: failed('WHMCS_OUTCOME_UNKNOWN') }), '');
    assert.equal(breaches({ ...pending, order: failed('WHMCS_ACCEPT_UNKNOWN', { whmcsOrderId: '5001' }) }), '');
    assert.equal(breaches({ ...pending, order: failed('WHMCS_TWIN', { message: 'two orders: 5001 and 5002' }) }), '');
  });

  it('finds Failed for an order that was accepted, but for a documented limit', () => {
    const order = failed('WHMCS_ACCEPT_UNKNOWN', { whmcsOrderId: '5001' });
    assert.match(breaches({ order }), /5001 was accepted/);
    assert.deepEqual(verdict({ order, expected: { allowances: ['late accept'] } }).allowed, ['late accept']);
  });

  it('tells the code of each order that has failed, and what a twin was', () => {
    assert.deepEqual(verdict({ whmcs: [], ledger: [], order: failed('WHMCS_REFUSED') }).failed, ['WHMCS_REFUSED']);
    const {
      asked,
      failed: others,
      twins,
      breaches: none,
    } = verdict({
      whmcs: [booked(5001, 'Pending'), booked(5002, 'Pending')],
      ledger: [made(5001), made(5002)],
      order: failed('WHMCS_TWIN', { message: 'two orders: 5001 and 5002' }),
      expected: { allowances: ['paused sender'] },
    });
    const twin = { status: 'Pending', besideAccepted: false, told: 'WHMCS_TWIN', named: true };
    assert.deepEqual({ asked, others, twins, none }, { asked: ['WHMCS_TWIN'], others: [], twins: [twin], none: [] });
  });

  it('takes an accepted order that a person is asked about after a loss only as the outcome that is unknown', () => {
    const allowances = ['lost record'] as const;
    assert.deepEqual(verdict({ order: failed('WHMCS_OUTCOME_UNKNOWN'), expected: { allowances } }).breaches, []);
    const order = failed('WHMCS_ACCEPT_UNKNOWN', { whmcsOrderId: '5001' });
    assert.match(breaches({ order, expected: { allowances } }), /5001 was accepted/);
  });

  it('finds Failed without a reason, and Failed where nothing went wrong', () => {
    const nothing: Case = { whmcs: [], ledger: [] };
    assert.match(breaches({ ...nothing, order: failed(null) }), /without a reason/);
    assert.equal(breaches({ ...nothing, order: failed('WHMCS_REFUSED') }), '');
    const order = failed('WHMCS_REFUSED');
    assert.match(breaches({ ...nothing, order, expected: { calm: true } }), /although nothing went wrong/);
    assert.equal(breaches({ ...nothing, order, expected: { calm: true, asking: [id] } }), '');
  });

  it('finds Failed for what no answer of a vendor explains', () => {
    const nothing: Case = { whmcs: [], ledger: [] };
    for (const code of ['FLOW_ERROR', 'FLOW_TIMEOUT', 'INTERNAL'])
      assert.match(breaches({ ...nothing, order: failed(code) }), new RegExp(`Failed with ${code}, which no answer`));
    for (const code of ['503', 'ETIMEOUT', 'WHMCS_UNREADABLE', 'SF_QUERY'])
      assert.equal(breaches({ ...nothing, order: failed(code) }), '');
  });

  it('finds a twin that the Order which has failed for it does not name', () => {
    const order = failed('WHMCS_TWIN', { whmcsOrderId: '5001', message: 'two orders' });
    const two = { whmcs: [booked(5001, 'Pending')], ledger: [made(5001), made(5002)] };
    const expected = { allowances: ['two stores'] as const };
    assert.match(breaches({ ...two, order, expected }), /does not name both/);
    assert.equal(breaches({ ...two, order: { ...order, message: '5001 and 5002' }, expected }), '');
  });

  it('knows a mark in a custom field', () => {
    const items = [{ pid: 11, customFields: { 1011: `sfOrderId=${id};i=00000000-a1` } }];
    const inField = entry('orderCreated', { orderId: 5001, by: 'api', notes: '', items });
    assert.equal(breaches({ ledger: [inField, ran(9001, 1), accepted(5001)] }), '');
  });

  it('finds an order that is left in Activating', () => {
    assert.match(breaches({ order: { ...activated, status: 'Activating' } }), /without a reason/);
  });

  it('finds Failed written over Activated', () => {
    assert.match(breaches({ written: [wrote('Activated'), wrote('Failed'), wrote('Activated')] }), /over Activated/);
  });
});
