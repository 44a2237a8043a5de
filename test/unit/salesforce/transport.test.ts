import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../lib/clock';
import type { Token, TokenSource } from '../../../lib/salesforce/auth';
import { defaultFieldNames as fields } from '../../../lib/salesforce/contract';
import { HealthRecord } from '../../../lib/salesforce/health';
import { Http, NoAnswer } from '../../../lib/salesforce/http';
import { Rest } from '../../../lib/salesforce/rest';
import { selfSignedCertificate } from '../../../simulators/salesforce/certificate';
import { FakeClock } from '../../fake-clock';
import { connect, drive, refusal, serve, startOrg } from './org';

describe('A REST call', () => {
  /** Gives a new token whenever it is asked, as a login service would that knows nothing of the refusals. */
  class Tireless implements TokenSource {
    given = 0;
    constructor(private readonly instanceUrl: string) {}
    token(): Promise<Token> {
      this.given += 1;
      return Promise.resolve({
        accessToken: `t${this.given}`,
        instanceUrl: this.instanceUrl,
        organizationId: '',
        userId: '',
      });
    }
    refused(): void {}
    unreachable(): void {}
    accepted(): void {}
  }

  async function answered(status: number, headers: Record<string, string> = {}) {
    const tokens: string[] = [];
    const server = await serve((request, response) => {
      tokens.push(String(request.headers.authorization));
      response.writeHead(status, headers).end();
    });
    const http = new Http(systemClock);
    const options = {
      http,
      apiVersion: '68.0',
      clock: systemClock,
      health: new HealthRecord(systemClock),
      timeoutMs: 5_000,
    };
    const rest = new Rest({ ...options, auth: new Tireless(server.url) });
    const { answer } = await rest.call({ method: 'GET', path: '/limits' });
    http.close();
    await server.close();
    return { answer, tokens, calls: server.calls };
  }

  it('is repeated once with a new token, not without end', async () => {
    const { answer, tokens } = await answered(401);
    assert.equal(answer.statusCode, 401);
    assert.deepEqual(tokens, ['Bearer t1', 'Bearer t2']);
  });

  it('takes a redirect for a moved org: a new token and its host, never the place it points to', async () => {
    const { calls, tokens } = await answered(302, { location: '/elsewhere' });
    assert.deepEqual(calls, ['GET /services/data/v68.0/limits', 'GET /services/data/v68.0/limits']);
    assert.equal(tokens.length, 2);
  });

  it('sends a body of other letters whole', async () => {
    const server = await serve((_request, response) => void response.writeHead(204).end());
    const http = new Http(systemClock);
    const options = {
      http,
      apiVersion: '68.0',
      clock: systemClock,
      health: new HealthRecord(systemClock),
      timeoutMs: 5_000,
    };
    const rest = new Rest({ ...options, auth: new Tireless(server.url) });
    await rest.call({ method: 'PATCH', path: '/sobjects/Order/x', body: { a: 'Škoda Žilina 👍' } });
    assert.equal(server.bodies[0], '{"a":"Škoda Žilina 👍"}');
    http.close();
    await server.close();
  });
});

describe('An org that has moved', () => {
  it('is looked for by a new login, once a minute at most', async () => {
    const org = await startOrg();
    const clock = new FakeClock(Date.now());
    const { salesforce, close } = connect(org.url, { clock });
    const id = org.people.stories()['good'] ?? '';
    const logins = (): number => org.panel.ledger('login').length;
    const tried = async (): Promise<string> => {
      const read = drive(clock, salesforce.readOrder(id, fields));
      return read.then(
        () => 'read',
        (error: { code: string }) => error.code,
      );
    };
    assert.equal(await tried(), 'read');
    // A port on which nobody listens.
    org.panel.switches({ instanceUrl: 'http://127.0.0.1:1' });
    org.people.act('expireAll');
    for (let n = 0; n < 3; n++) assert.equal(await tried(), 'ECONNREFUSED');
    assert.equal(logins(), 2);
    await clock.advance(60_000);
    assert.equal(await tried(), 'ECONNREFUSED');
    assert.equal(logins(), 3);
    org.panel.switches({ instanceUrl: null });
    await clock.advance(60_000);
    assert.equal(await tried(), 'read');
    assert.equal(logins(), 4);
    close();
    await org.close();
  });
});

describe('The transport', () => {
  async function failure(http: Http, url: string): Promise<NoAnswer> {
    const thrown: unknown = await http
      .exchange({ method: 'GET', url }, { timeoutMs: 5_000 })
      .catch((error: unknown) => error);
    assert.ok(thrown instanceof NoAnswer);
    return thrown;
  }

  it('says whether anything can have been sent', async () => {
    const http = new Http(systemClock);
    const server = await serve((request) => void request.socket.destroy());
    const { url } = server;
    assert.deepEqual([(await failure(http, url)).code, (await failure(http, url)).sent], ['ECONNRESET', true]);
    await server.close();
    assert.deepEqual([(await failure(http, url)).code, (await failure(http, url)).sent], ['ECONNREFUSED', false]);
    const insecure = await failure(http, 'http://acme.example/');
    assert.deepEqual([insecure.code, insecure.sent], ['EINSECURE', false]);
    http.close();
    assert.deepEqual([(await failure(http, url)).code, (await failure(http, url)).sent], ['ECLOSED', false]);
  });

  it('gives up on an answer without end', async () => {
    const server = await serve((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const http = new Http(systemClock);
    assert.equal((await failure(http, server.url)).code, 'EMSGSIZE');
    http.close();
    await server.close();
  });

  it('bears many calls at once without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const server = await serve((_request, response) => void response.end('{}'));
    const http = new Http(systemClock);
    const signal = new AbortController().signal;
    await Promise.all(
      Array.from({ length: 8 }, () => http.exchange({ method: 'GET', url: server.url }, { timeoutMs: 5_000, signal })),
    );
    await Promise.all(
      Array.from({ length: 40 }, () => http.exchange({ method: 'GET', url: server.url }, { timeoutMs: 5_000 })),
    );
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(warnings, []);
    process.off('warning', onWarning);
    http.close();
    await server.close();
  });

  it('speaks TLS to a server that it trusts, and tells a write that a stranger did not get it', async () => {
    const { certificatePem, keyPem } = selfSignedCertificate();
    const calls: string[] = [];
    const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
      calls.push(request.url ?? '');
      const { port } = server.address() as AddressInfo;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ access_token: '00D!x', instance_url: `https://localhost:${port}`, id: 'x/00D/005' }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;

    const trusting = connect(url, { ca: certificatePem });
    assert.equal((await trusting.salesforce.auth.token()).instanceUrl, url);
    const strange = connect(url);
    const error = await refusal(strange.salesforce.auth.token());
    assert.match(error.code, /SELF_SIGNED|CERT/);
    const end = await strange.salesforce.writeOrder('801Ql000001AbCd', { errorCode: 'x' }, fields);
    assert.equal(end.kind, 'later');
    assert.equal(calls.length, 1);
    trusting.close();
    strange.close();
    const connections = (): Promise<number> =>
      new Promise((resolve, reject) =>
        server.getConnections((failed, count) => (failed ? reject(failed) : resolve(count))),
      );
    while ((await connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });
});
