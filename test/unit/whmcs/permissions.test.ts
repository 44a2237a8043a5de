import assert from 'node:assert/strict';
import { WhmcsError } from '../../../lib/whmcs/contract';
import { json, StandIn, type Reply } from './stand-in';

const refusals: Record<string, string> = {
  GetClientsDetails: 'Client Not Found',
  GetPayMethods: 'Client Not Found',
  AddOrder: 'Client ID Not Found',
  AcceptOrder: 'Order ID not found or Status not Pending',
};

describe('the test of a WHMCS connection', () => {
  let server: StandIn;
  let denied: Set<string>;
  beforeEach(async () => {
    server = await StandIn.start();
    denied = new Set();
    const reply: Reply = (response, request) => {
      const action = request.fields.get('action') ?? '';
      const refusal = refusals[action];
      const answer = denied.has(action)
        ? { result: 'error', message: `Invalid Permissions: API action "${action.toLowerCase()}" is not allowed` }
        : refusal
          ? { result: 'error', message: refusal }
          : { result: 'success', totalresults: 0, whmcs: { version: '8.13.1' } };
      json(answer, denied.has(action) ? 403 : 200)(response, request);
    };
    server.replies = [reply];
  });
  afterEach(() => server.close());

  it('asks for each action once, with ids that nothing has and without items', async () => {
    assert.deepEqual(await server.connect().testPermissions(), { version: '8.13.1', lacking: [], absent: [] });
    assert.deepEqual(
      server.requests.map((request) => request.fields.get('action')),
      [
        'WhmcsDetails',
        'GetClientsDetails',
        'GetPayMethods',
        'GetPaymentMethods',
        'GetProducts',
        'GetOrders',
        'GetClientsProducts',
        'AddOrder',
        'AcceptOrder',
      ],
    );
    const add = server.requests.find((request) => request.fields.get('action') === 'AddOrder');
    assert.equal(add?.fields.get('clientid'), '2147483647');
    assert.equal(
      [...(add?.fields.keys() ?? [])].some((key) => key.startsWith('pid')),
      false,
    );
  });

  it('names every action that the role lacks', async () => {
    denied = new Set(['GetOrders', 'AcceptOrder', 'WhmcsDetails']);
    const found = await server.connect().testPermissions();
    assert.deepEqual(found, { version: null, lacking: ['WhmcsDetails', 'GetOrders', 'AcceptOrder'], absent: [] });
  });

  it('names every action that this WHMCS does not have', async () => {
    const usual = server.replies[0] as Reply;
    server.replies = [
      (response, request) =>
        request.fields.get('action') === 'GetPayMethods'
          ? json({ result: 'error', message: 'API Function Not Found' })(response, request)
          : usual(response, request),
    ];
    assert.deepEqual((await server.connect().testPermissions()).absent, ['GetPayMethods']);
  });

  it('stops at the first refusal of the login, since more could ban us', async () => {
    server.replies = [json({ result: 'error', message: 'Authentication Failed' }, 403)];
    await assert.rejects(server.connect().testPermissions(), WhmcsError);
    assert.equal(server.requests.length, 1);
  });

  it('tells the address that WHMCS saw', async () => {
    server.replies = [json({ result: 'error', message: 'Invalid IP ::1' }, 403)];
    await assert.rejects(server.connect().testPermissions(), /Invalid IP ::1/);
  });
});
