/** The simulator's Pub/Sub against a client that we did not write: salesforce-pubsub-api-client, which speaks TLS alone. */
import assert from 'node:assert/strict';
import PubSubApiClient from 'salesforce-pubsub-api-client';
import type { SalesforceSimulator } from '../../../simulators/salesforce/server';
import { consumerKey, connect, privateKeyPem, startOrg, username } from '../../unit/salesforce/org';
import { until } from '../../until';
import { channel } from './scene';

type Configuration = ConstructorParameters<typeof PubSubApiClient>[0];

interface Told {
  type: string;
  data: unknown;
}
interface Event {
  id: string;
  replayId: number;
  payload: Record<string, unknown>;
}

describe('The public Node client of the Pub/Sub API', () => {
  let org: SalesforceSimulator;
  let client: PubSubApiClient;
  before(async () => (org = await startOrg()));
  after(() => org.close());
  afterEach(async () => {
    // It leaves its streams open when it closes, and dies of it; so they end first, those that publish by their silence.
    org.people.act('endStreams', { code: 0 });
    org.panel.advance(71_000);
    await until('no stream', () => org.people.counts().openStreams === 0);
    client.close();
    org.panel.reset();
  });

  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  async function connected(configuration: Partial<Configuration> = {}): Promise<PubSubApiClient> {
    const { salesforce } = connect(org.url);
    const { accessToken, organizationId } = await salesforce.auth.token();
    salesforce.close();
    const made = new PubSubApiClient(
      {
        ...{ authType: 'user-supplied', accessToken, organizationId, instanceUrl: 'https://acme.my.salesforce.com' },
        ...{ pubSubEndpoint: org.pubsubTls, rejectUnauthorizedSsl: false },
        ...configuration,
      },
      silent,
    );
    await made.connect();
    return made;
  }
  /** What a subscription tells, once the server has taken it. */
  async function listening(subscribe: (tell: (info: unknown, type: string, data?: unknown) => void) => void) {
    const told: Told[] = [];
    const count = org.panel.ledger('subscribed').length;
    subscribe((_info, type, data) => void told.push({ type, data }));
    await until(
      'the subscription, or its refusal',
      () => org.panel.ledger('subscribed').length > count || told.length > 0,
    );
    const of = (type: string): unknown[] => told.filter((one) => one.type === type).map((one) => one.data);
    return { told, of, events: () => of('event') as Event[] };
  }
  const publish = (times: number) => org.people.publish({ fields: { OrderId__c: '801Ql000001AbCdIAK' }, times });
  const numberOf = (replayId: string | undefined): number =>
    Number(Buffer.from(replayId ?? '', 'base64').readBigUInt64BE());

  it('subscribes and receives what is published, decoded by the schema that it asked for', async () => {
    client = await connected();
    const heard = await listening((tell) => client.subscribe(channel, tell, 3));
    const { uuids, replayIds } = publish(3);
    await until('three events', () => heard.events().length === 3);
    assert.deepEqual(
      heard.events().map(({ id, replayId }) => [id, replayId]),
      uuids.map((uuid, n) => [uuid, numberOf(replayIds[n])]),
    );
    const [event] = heard.events();
    assert.deepEqual(Object.keys(event?.payload ?? {}), ['CreatedDate', 'CreatedById', 'BusinessKey__c', 'OrderId__c']);
    assert.equal(event?.payload.OrderId__c, '801Ql000001AbCdIAK');
    assert.equal(event?.payload.BusinessKey__c, null);
    assert.ok(Math.abs(Number(event?.payload.CreatedDate) - org.panel.now()) < 10_000);
    await until('the last event', () => heard.of('lastEvent').length === 1);
  });

  it('asks for more as it goes, beyond its first hundred', async () => {
    client = await connected();
    const heard = await listening((tell) => client.subscribe(channel, tell));
    const { uuids } = publish(250);
    await until('all of them', () => heard.events().length === 250);
    // Not in order: it decodes each answer on its own.
    assert.deepEqual(new Set(heard.events().map(({ id }) => id)), new Set(uuids));
  });

  it('starts at the oldest event, and after a replay id, of which it sends the first eight bytes', async () => {
    client = await connected();
    org.panel.switches({ lenientReplayId: true });
    const { uuids, replayIds } = publish(3);
    const all = await listening((tell) => client.subscribeFromEarliestEvent(channel, tell, 3));
    await until('all three', () => all.events().length === 3);
    client.close();
    client = await connected();
    const since = await listening((tell) => client.subscribeFromReplayId(channel, tell, 10, numberOf(replayIds[0])));
    await until('the two after it', () => since.events().length === 2);
    assert.deepEqual(
      since.events().map(({ id }) => id),
      uuids.slice(1),
    );
  });

  it('publishes one event and a batch, and both come', async () => {
    client = await connected();
    const heard = await listening((tell) => client.subscribe(channel, tell, 10));
    const payload = (id: string) => ({
      CreatedDate: Date.now(),
      CreatedById: '005Ql000000AbCdIAK',
      OrderId__c: { string: id },
      BusinessKey__c: null,
    });
    const result = await client.publish(channel, payload('801Ql000001AbCdIAK'), 'mine');
    assert.equal(result.correlationKey, 'mine');
    const answers: Told[] = [];
    await client.publishBatch(
      channel,
      [{ id: 'two', payload: payload('801Ql000002AbCdIAK') }],
      (_info, type, data: unknown) => void answers.push({ type, data }),
    );
    await until('both events', () => heard.events().length === 2);
    const [one, two] = heard.events();
    assert.deepEqual(
      [one?.id, one?.replayId, one?.payload.OrderId__c],
      ['mine', result.replayId, '801Ql000001AbCdIAK'],
    );
    assert.deepEqual([two?.id, two?.payload.OrderId__c], ['two', '801Ql000002AbCdIAK']);
    await until('the answer', () => answers.length === 1);
    assert.equal(answers[0]?.type, 'publishResponse');
    assert.equal(org.panel.ledger('published').length, 2);
  });

  it('takes a keepalive for one, and an event that cannot be decoded for an error', async () => {
    client = await connected();
    const heard = await listening((tell) => client.subscribe(channel, tell, 10));
    org.people.act('undecodable');
    await until('the error', () => heard.of('error').length === 1);
    org.panel.advance(61_000);
    await until('the keepalive', () => heard.of('grpcKeepAlive').length === 1);
    publish(1);
    await until('the next event', () => heard.events().length === 1);
  });

  it('is told what is wrong in the words of the API: a bad token, an unknown place, an unknown topic', async () => {
    const said = (heard: { of(type: string): unknown[] }) =>
      heard.of('error').map((error) => {
        const { code, details, metadata } = error as {
          code: number;
          details: string;
          metadata: { get(name: string): unknown[] };
        };
        return { code, details, trailer: metadata.get('error-code')[0] };
      });
    client = await connected({ accessToken: '00DQl000000xYzW!nonsense' });
    const bad = await listening((tell) => client.subscribe(channel, tell, 1));
    await until('the error', () => bad.of('error').length === 1);
    assert.equal(said(bad)[0]?.code, 16);
    assert.equal(said(bad)[0]?.trailer, 'sfdc.platform.eventbus.grpc.service.auth.error');
    client.close();

    client = await connected();
    const lost = await listening((tell) => client.subscribeFromReplayId(channel, tell, 1, 42));
    await until('the error', () => lost.of('error').length === 1);
    assert.match(String(said(lost)[0]?.trailer), /replayid\.corrupted$/);
    assert.match(said(lost)[0]?.details ?? '', /^The Replay ID validation failed.* rpcId: /);
    client.close();

    client = await connected();
    const none = await listening((tell) => client.subscribe('/event/Nothing__e', tell, 1));
    await until('the error', () => none.of('error').length === 1);
    assert.equal(said(none)[0]?.code, 5);
  });

  it('logs in by JWT itself, with its login URL for an audience', async () => {
    org.panel.switches({ audiences: [org.url, 'https://login.salesforce.com'] });
    client = await connected({
      ...{
        authType: 'oauth-jwt-bearer',
        loginUrl: org.url,
        clientId: consumerKey,
        username,
        privateKey: privateKeyPem,
      },
    });
    const heard = await listening((tell) => client.subscribe(channel, tell, 1));
    const { uuids } = publish(1);
    await until('the event', () => heard.events().length === 1);
    assert.equal(heard.events()[0]?.id, uuids[0]);
  });
});
