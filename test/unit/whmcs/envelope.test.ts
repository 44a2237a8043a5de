import assert from 'node:assert/strict';
import type { CallEnd } from '../../../lib/whmcs/contract';
import { readAnswer } from '../../../lib/whmcs/envelope';

interface Given {
  action?: string;
  status?: number;
  headers?: Record<string, string>;
  writes?: boolean;
}

const read = (body: string | object, given: Given = {}): CallEnd<object> =>
  readAnswer(
    given.action ?? 'GetOrders',
    {
      status: given.status ?? 200,
      headers: given.headers ?? {},
      body: typeof body === 'string' ? body : JSON.stringify(body),
    },
    given.writes ?? false,
  );

/** What sets ends apart. */
function classOf(end: CallEnd<object>): string {
  switch (end.kind) {
    case 'success':
      return `success${end.degraded ? ' degraded' : ''}${end.warning === null ? '' : ' warning'}`;
    case 'refused':
      return `refused ${end.fault}`;
    case 'unknown':
      return `unknown ${end.code}${end.edge ? ' edge' : ''}`;
    default:
      return end.kind;
  }
}

const messageOf = (end: CallEnd<object>): string => ('message' in end ? end.message : '');
const error = (message: string) => ({ result: 'error', message });
const oops =
  "<html><head><title>Oops!</title></head><body><h1>Oops!</h1><p>Something went wrong and we couldn't process your request.</p></body></html>";
const challenge = '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>';
const cloudflare = { server: 'cloudflare', 'cf-mitigated': 'challenge', 'cf-ray': '8f0' };

describe('an answer of WHMCS', () => {
  it('is a success only with the result success, whatever else it holds', () => {
    assert.equal(classOf(read({ result: 'success', orderid: 1 })), 'success');
    assert.equal(classOf(read({ result: ' Success ' })), 'success');
    assert.equal(classOf(read({ result: 'success', status: 'Unpaid' })), 'success');
    assert.equal(classOf(read({ result: 'success', status: 'error' })), 'success');
    assert.equal(classOf(read({ result: 'success', warning: 'deprecated' })), 'success warning');
    for (const body of [{}, { status: 'success' }, { orders: [] }, { result: true }, { result: 'done' }])
      assert.notEqual(read(body).kind, 'success', JSON.stringify(body));
  });

  it('with a warning alone is unclear: the operation may have failed', () => {
    const warning = 'Invalid or Missing Payment Information - Please Reload and Try Again';
    assert.deepEqual(read({ warning }, { action: 'AddOrder', writes: true }), { kind: 'unclear', message: warning });
  });

  it('that says status error in place of a result is an error', () => {
    assert.equal(
      classOf(read({ status: 'error', message: 'Client Not Found' }, { action: 'GetClientsDetails' })),
      'refused business',
    );
    assert.equal(
      classOf(read({ status: 'error', message: 'Something else' }, { action: 'GetClientsDetails' })),
      'unclear',
    );
  });

  it('with a result goes by that, whatever its status field says', () => {
    const body = { result: 'done', status: 'error', message: 'Client Not Found' };
    assert.equal(read(body, { action: 'GetClientsDetails' }).kind, 'unclear');
  });

  it('without a result is WHMCS’s own where it has a status or a warning, and no proxy’s 5xx', () => {
    for (const body of [{ status: 'error', message: 'x' }, { warning: 'x' }])
      assert.equal(read(body, { status: 400 }).kind, 'unclear');
    assert.equal(classOf(read({ message: 'x' }, { status: 400 })), 'unknown 400');
    assert.equal(classOf(read({ message: 'Authentication Failed' }, { status: 403 })), 'refused credentials');
    assert.equal(classOf(read({ message: 'Authentication Failed' }, { status: 502 })), 'unknown 502');
    assert.equal(classOf(read(error('Authentication Failed'), { status: 500 })), 'refused credentials');
  });

  it('has its class by its text, whatever its HTTP status and content type', () => {
    const matrix: Record<string, string> = {
      'Invalid IP 203.0.113.9': 'refused ip',
      'Invalid IP 2001:db8:85a3::8a2e:370:7334': 'refused ip',
      'Invalid IP ::1': 'refused ip',
      'Forbidden IP 127.65.4.46': 'refused ip',
      'Authentication Failed': 'refused credentials',
      'Invalid or missing credentials': 'refused credentials',
      'Administrator Account Disabled': 'refused credentials',
      'Invalid password provided': 'refused credentials',
      'Access Denied': 'refused role',
      'Invalid Permissions: API action "getorders" is not allowed': 'refused role',
      'Empty action request': 'refused address',
      'Command Not Found': 'refused action',
      'API Function Not Found': 'refused action',
      'The requested API Action could not be found.': 'refused action',
    };
    for (const [message, expected] of Object.entries(matrix))
      for (const status of [200, 400, 403])
        for (const type of ['application/json', 'text/html'])
          assert.equal(
            classOf(read(error(message), { status, headers: { 'content-type': type } })),
            expected,
            `${message} ${status} ${type}`,
          );
  });

  it('names the address that WHMCS saw, and the action that the role lacks', () => {
    assert.match(messageOf(read(error('Invalid IP ::1'), { status: 403 })), /::1/);
    const body =
      '{"result":"error","message":"Invalid Permissions: API action \\u0022getproductsactive\\u0022 is not allowed"}';
    assert.match(messageOf(read(body, { status: 403 })), /"getproductsactive"/);
    assert.match(messageOf(read(error('Access Denied'), { action: 'AddOrder' })), /AddOrder/);
    assert.match(messageOf(read(error('API Function Not Found'), { action: 'GetPayMethods' })), /GetPayMethods/);
  });

  it('about access is never taken for one about the client', () => {
    const end = read(error('Forbidden IP 127.65.4.46'), { action: 'GetClientsDetails', status: 403 });
    assert.equal(classOf(end), 'refused ip');
  });

  it('refuses for certain with the listed texts of its action alone', () => {
    const listed: [action: string, message: string][] = [
      ['AddOrder', 'Client ID Not Found'],
      ['AddOrder', 'Unable to add order when client status is Closed'],
      ['AddOrder', 'Invalid Payment Method. Valid options include mailin,stripe'],
      ['AddOrder', 'NO ITEMS ADDED TO CART so order cannot proceed'],
      ['AddOrder', "Expecting parameter 'domaintype' to be an array"],
      ['AddOrder', "Domain status is set to 'Pending Transfer' and cannot be renewed"],
      ['AcceptOrder', 'Order ID not found or Status not Pending'],
      ['GetPayMethods', 'Client Not Found'],
    ];
    for (const [action, message] of listed)
      assert.deepEqual(read(error(message), { action, writes: true }), { kind: 'refused', fault: 'business', message });
    const unlisted: [action: string, message: string][] = [
      ['AddOrder', 'Order ID not found or Status not Pending'],
      ['AddOrder', 'Function Aborted by Action Hook Code'],
      ['AddOrder', ''],
      ['AcceptOrder', 'Could not connect to host panel7.example.net: timed out'],
      ['ModuleCreate', 'Account already exists'],
    ];
    for (const [action, message] of unlisted)
      assert.equal(read(error(message), { action, writes: true }).kind, 'unclear', message);
  });

  it('of a call that runs modules is not taken for a refusal when a module could have said the same', () => {
    for (const message of [
      'Authentication Failed',
      'Access Denied',
      'Invalid password provided',
      // A reseller's module passes on what the WHMCS of its provider says.
      'Invalid IP 203.0.113.9',
      'Invalid Permissions: API action "modulecreate" is not allowed',
      'Command Not Found',
      'Empty action request',
    ])
      for (const action of ['AcceptOrder', 'ModuleCreate']) {
        assert.equal(read(error(message), { action, writes: true }).kind, 'unclear', `${action} ${message}`);
        assert.equal(read(error(message), { action, writes: true, status: 403 }).kind, 'refused');
      }
    assert.equal(
      read(error('Access denied for user root@panel7'), { action: 'AcceptOrder', status: 403 }).kind,
      'unclear',
    );
    assert.equal(read(error('Invalid IP address given: 999'), { action: 'AcceptOrder' }).kind, 'unclear');
  });

  it('is read through a byte order mark and through what PHP printed before it', () => {
    const whole = JSON.stringify({ result: 'success', orderid: 7 });
    assert.equal(classOf(read(`\uFEFF${whole}`)), 'success');
    const warned = '<br />\n<b>Warning</b>: foo { bar } in /x.php on line <b>3</b><br />\n';
    for (const before of [warned, '\nNotice: x in y on line 3\n', `${warned}{ not json\n`, `${warned}\uFEFF`]) {
      const end = read(before + whole);
      assert.equal(classOf(end), 'success degraded', before);
      assert.deepEqual(end.kind === 'success' && end.value, { result: 'success', orderid: 7 });
    }
    assert.equal(classOf(read(`${warned}${JSON.stringify(error('Invalid IP ::1'))}`)), 'refused ip');
  });

  it('is not put together from JSON that has no result or is not whole', () => {
    assert.equal(classOf(read('<pre>\n{"orders":[]}')), 'unknown NOT_JSON');
    assert.equal(classOf(read('{"result":"success","orders":{"order":[{"id":5')), 'unknown CUT');
    assert.equal(classOf(read('[]')), 'unknown CUT');
    assert.equal(classOf(read('null')), 'unknown NOT_JSON');
    assert.equal(classOf(read('result=error;message=Authentication Failed')), 'unknown NOT_JSON');
  });

  it('tells six causes apart that a careless client mixes up', () => {
    const classes = [
      read(error('Invalid IP 203.0.113.9'), { status: 403 }),
      read(challenge, { status: 403, headers: cloudflare }),
      read('<html><body>Down for Maintenance</body></html>'),
      read(''),
      read('', { status: 204 }),
      read(oops, { status: 500 }),
    ].map(classOf);
    assert.deepEqual(classes, [
      'refused ip',
      'unknown 403 edge',
      'unknown MAINTENANCE',
      'unknown EMPTY',
      'unknown 204',
      'unknown 500',
    ]);
  });

  it('from a firewall is known by its header, its title, or a 403 that is no JSON', () => {
    assert.equal(classOf(read(challenge, { status: 503 })), 'unknown 503 edge');
    assert.equal(
      classOf(read('<html><title>Attention Required! | Cloudflare</title></html>', { status: 200 })),
      'unknown 200 edge',
    );
    assert.equal(classOf(read('<h1>Forbidden</h1>', { status: 403 })), 'unknown 403 edge');
    assert.equal(
      classOf(read('<h1>x</h1>', { status: 429, headers: { 'cf-mitigated': 'challenge' } })),
      'unknown 429 edge',
    );
    for (const status of [502, 520, 524])
      assert.equal(classOf(read('<h1>x</h1>', { status, headers: { server: 'cloudflare' } })), `unknown ${status}`);
    assert.equal(classOf(read('slow down', { status: 429 })), 'unknown 429');
  });

  it('of a proxy in JSON does not prove that the request is over', () => {
    for (const [body, status] of [
      [{ message: 'upstream timed out' }, 504],
      [{ error: 'bad gateway' }, 502],
      [{ status: 'error', message: 'upstream timed out' }, 504],
      [{ message: 'Rate Limit Exceeded' }, 429],
    ] as const)
      assert.equal(classOf(read(body, { status, action: 'AddOrder', writes: true })), `unknown ${status}`);
    assert.equal(read({ result: 'error', message: 'odd' }, { status: 500, action: 'AddOrder' }).kind, 'unclear');
  });

  it('that leads elsewhere is a wrong address; where to is told without its query', () => {
    const end = read('', { status: 301, headers: { location: 'https://b.example/whmcs/includes/api.php?token=abc' } });
    assert.equal(classOf(end), 'refused address');
    assert.match(messageOf(end), /https:\/\/b\.example\/whmcs\/includes\/api\.php;/);
    assert.doesNotMatch(messageOf(end), /token/);
    assert.equal(classOf(read('', { status: 302 })), 'refused address');
  });

  it('that leads elsewhere proves nothing of a write: a hook may send its caller on after the work', () => {
    const read302 = (body: string | object) => read(body, { status: 302, action: 'AddOrder', writes: true });
    assert.equal(classOf(read302('')), 'unknown 302');
    assert.match(messageOf(read302('')), /leads on/);
    assert.equal(read302({ result: 'success', orderid: 5001 }).kind, 'success');
    assert.equal(classOf(read302(error('Client ID Not Found'))), 'refused business');
    assert.equal(classOf(read302({ message: 'moved' })), 'unknown 302');
  });

  it('that has no result and speaks as WHMCS does is no refusal of a write: it may be a proxy’s', () => {
    const denied = { message: 'Access denied.' };
    assert.equal(classOf(read(denied, { status: 403, action: 'AddOrder', writes: true })), 'unknown 403');
    assert.equal(classOf(read(denied, { status: 403, action: 'GetOrders' })), 'refused role');
  });

  it('404 to a read is a wrong address; to a write it proves nothing', () => {
    assert.equal(classOf(read('<h1>Not Found</h1>', { status: 404 })), 'refused address');
    assert.equal(classOf(read('<h1>Not Found</h1>', { status: 404, writes: true })), 'unknown 404');
  });

  it('gives its words on, without markup and not too many', () => {
    assert.match(messageOf(read(oops, { status: 500 })), /^HTTP 500: Oops!$/);
    const end = read(error(`<b>Fish &amp; Sons</b> ${'x'.repeat(900)}`), { action: 'AddOrder' });
    assert.ok(messageOf(end).startsWith('Fish & Sons x'));
    assert.ok(messageOf(end).length <= 300);
  });
});
