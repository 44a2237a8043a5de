import assert from 'node:assert/strict';
import type { ActivatingPage, ActivatingQuery, Place } from '../../../lib/salesforce/activating-orders';
import { defaultFieldNames as fields } from '../../../lib/salesforce/contract';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { connect, inAnOrg, refusal, serve } from './org';

const all: ActivatingQuery = { fields, status: 'Activating', pricebookId: null, after: null, limit: 200 };

describe('Looking for orders in Activating', () => {
  let org: SalesforceSimulator;
  let connection: ReturnType<typeof connect>;
  inAnOrg((...made) => void ([org, connection] = made));

  const look = (query: Partial<ActivatingQuery> = {}): Promise<ActivatingPage> =>
    connection.salesforce.activatingOrders({ ...all, ...query });
  const queries = (): number => org.panel.requests('query').length;
  /** Approved orders, in the order of their approval. */
  const approve = (count: number): string[] =>
    Array.from({ length: count }, () => {
      const { id } = org.people.createOrder({ items: [{ code: 'SEAT-M', quantity: 1 }] });
      return org.people.approve(id).id;
    });
  const modifiedAt = (id: string): number => Date.parse(String(org.people.order(id)['LastModifiedDate']));
  /** Every page, until none follows. */
  const turnPages = async (limit: number, between: () => void = () => undefined): Promise<ActivatingPage[]> => {
    const pages: ActivatingPage[] = [];
    for (let after: Place | null = null; pages.length < 100; between()) {
      const page = await look({ after, limit });
      pages.push(page);
      after = page.orders.at(-1) ?? after;
      if (!page.more) break;
    }
    return pages;
  };
  const idsOf = (pages: ActivatingPage[]): string[] => pages.flatMap((page) => page.orders.map((order) => order.id));

  it('gives those alone, oldest change first, with the attempt, in one query', async () => {
    const [first = ''] = approve(1);
    org.panel.advance(5_000);
    const [second = ''] = approve(1);
    org.panel.advance(5_000);
    org.people.editOrder(first, { Description: 'changed again' });
    const page = await look();
    assert.deepEqual(
      page.orders,
      [second, first].map((id) => ({
        id,
        lastModifiedAt: modifiedAt(id),
        attempt: org.people.order(id)['Activation_Attempt__c'],
      })),
    );
    assert.equal(page.more, false);
    assert.equal(queries(), 1);
  });

  it('gives none where there are none', async () => {
    const page = await look();
    assert.deepEqual([page.orders, page.more], [[], false]);
  });

  it("gives the server's own time and the org's count of requests with the answer", async () => {
    org.panel.advance(7 * 86_400_000);
    org.panel.switches({ apiRequestsMax: 1_000, apiRequestsUsed: 960 });
    const before = org.panel.now();
    const page = await look();
    assert.ok(page.serverNow !== null && Math.abs(page.serverNow - before) <= 2_000, String(page.serverNow));
    assert.equal(page.apiRequests?.allowed, 1_000);
    assert.ok((page.apiRequests?.used ?? 0) > 960);
  });

  it('turns pages by change and id, so that many of the same second come once each', async () => {
    const ids = approve(23);
    assert.ok(new Set(ids.map(modifiedAt)).size <= 3, 'they were to be approved within a few seconds');
    const pages = await turnPages(4);
    assert.deepEqual(idsOf(pages), ids);
    assert.equal(pages.length, 6);
  });

  it('asks for a further page when the last was just full, and says then that none follows', async () => {
    const ids = approve(4);
    const pages = await turnPages(2);
    assert.deepEqual(
      pages.map((page) => [page.orders.length, page.more]),
      [
        [2, true],
        [2, true],
        [0, false],
      ],
    );
    assert.deepEqual(idsOf(pages), ids);
  });

  it('loses none while orders change between two pages', async () => {
    const ids = approve(6);
    org.panel.advance(5_000);
    let touched = 0;
    const pages = await turnPages(2, () => {
      if (touched++ === 0) org.people.editOrder(ids[0] ?? '', { Description: 'moves to the end' });
    });
    assert.deepEqual([...new Set(idsOf(pages))].sort(), [...ids].sort());
  });

  it('goes on by its own place where Salesforce makes its pages shorter', async () => {
    org.panel.switches({ pageSize: 3 });
    const ids = approve(7);
    assert.deepEqual(idsOf(await turnPages(200)), ids);
  });

  it('keeps to a price book, named by 15 or 18 characters', async () => {
    const [one = '', other = ''] = approve(2);
    const standard = String(org.people.order(one)['Pricebook2Id']);
    const foreign = '01sQl000000ZZZZIAO';
    org.people.putRecord({ type: 'Order', id: other, fields: { Pricebook2Id: foreign } });
    for (const pricebookId of [standard, standard.slice(0, 15)])
      assert.deepEqual(
        (await look({ pricebookId })).orders.map((order) => order.id),
        [one],
      );
  });

  it('sends nothing for a field or price book of the settings that is none, so no query can be smuggled in', async () => {
    const smuggled = "Id FROM Order WHERE Name != '' --";
    for (const wrong of [
      { fields: { ...fields, activationStatus: smuggled } },
      { fields: { ...fields, attempt: smuggled } },
    ])
      assert.equal((await refusal(look(wrong))).code, 'INVALID_FIELD');
    assert.equal((await refusal(look({ pricebookId: "01s' OR Name != '" }))).code, 'MALFORMED_ID');
    assert.equal(queries(), 0);
  });

  it('takes a status with quotes and backslashes for what it is', async () => {
    approve(1);
    for (const status of ["' OR Name != '", 'Activating\\', "Activating' OR Id != '"])
      assert.deepEqual((await look({ status })).orders, []);
    assert.equal(queries(), 3);
  });

  it('leaves out an attempt field that the org lacks, learnt once', async () => {
    const ids = approve(1);
    org.panel.switches({ missingFields: ['Order.Activation_Attempt__c'] });
    for (let n = 0; n < 3; n++) {
      const { orders } = await look();
      assert.deepEqual(
        orders.map(({ id, attempt }) => [id, attempt]),
        ids.map((id) => [id, null]),
      );
    }
    assert.equal(queries(), 4);
    assert.equal(connection.log.of('info').filter((text) => text.includes('no such field')).length, 1);
  });

  it('works where no attempt field is set, and where two settings name one field', async () => {
    approve(1);
    for (const attempt of [null, 'Id', 'LastModifiedDate'])
      assert.equal((await look({ fields: { ...fields, attempt } })).orders.length, 1);
  });

  it('names a status field that the org lacks, and its setting', async () => {
    org.panel.switches({ missingFields: ['Order.Activation_Status__c'] });
    const error = await refusal(look());
    assert.deepEqual([error.code, error.kind], ['INVALID_FIELD', 'query']);
    assert.match(error.message, /Activation_Status__c \(activationStatus\) does not exist/);
    assert.equal(queries(), 1);
  });

  it('asks for at least one row and at most 2000', async () => {
    approve(2);
    assert.equal((await look({ limit: 0 })).orders.length, 1);
    assert.equal((await look({ limit: 1e9 })).orders.length, 2);
  });
});

describe('The answer to a look for orders in Activating', () => {
  const record = { Id: '801Ql000001AbCdIAK', LastModifiedDate: '2026-11-25T02:00:01.000+0000' };
  /** What comes of an answer with these headers and body. */
  const answered = async (headers: Record<string, string>, body: object): Promise<ActivatingPage> => {
    const server = await serve((request, response) => {
      const isToken = request.url?.includes('/oauth2/token');
      const answer = isToken
        ? {
            access_token: 'x'.repeat(20),
            instance_url: server.url,
            id: `${server.url}/id/00D000000000001/005000000000001`,
          }
        : body;
      response.sendDate = false;
      response.writeHead(200, { 'content-type': 'application/json', ...(isToken ? {} : headers) });
      response.end(JSON.stringify(answer));
    });
    const connection = connect(server.url);
    try {
      return await connection.salesforce.activatingOrders(all);
    } finally {
      connection.close();
      await server.close();
    }
  };

  it('may bear no date and no count of requests', async () => {
    const page = await answered({}, { done: true, records: [record] });
    assert.deepEqual(page, {
      orders: [{ id: record.Id, lastModifiedAt: Date.UTC(2026, 10, 25, 2, 0, 1), attempt: null }],
      more: false,
      serverNow: null,
      apiRequests: null,
    });
  });

  it('may bear a count of requests with more behind it, or one that cannot be read', async () => {
    const withLimits = (text: string): Promise<ActivatingPage> =>
      answered({ 'Sforce-Limit-Info': text, Date: 'soon' }, { done: true, records: [] });
    assert.deepEqual((await withLimits('api-usage=18/5000; api-bursts=1/750')).apiRequests, {
      used: 18,
      allowed: 5000,
    });
    assert.deepEqual((await withLimits('per-app-api-usage=17/250(appName=x); api-usage=25/5000')).apiRequests, {
      used: 25,
      allowed: 5000,
    });
    const odd = await withLimits('plenty');
    assert.deepEqual([odd.apiRequests, odd.serverNow], [null, null]);
  });

  it('is refused where it is no list of orders', async () => {
    for (const records of [[{ ...record, Id: 'x' }], [{ ...record, LastModifiedDate: 'yesterday' }], [{}]])
      assert.equal((await refusal(answered({}, { done: true, records }))).code, 'UNEXPECTED_ANSWER');
  });
});
