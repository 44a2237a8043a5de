import assert from 'node:assert/strict';
import { createServer as createHttp } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTcp, type AddressInfo, type Server } from 'node:net';
import { createPubSubSubscriber, type PubSubOptions } from '../../../lib/salesforce/events/pubsub';
import { selfSignedCertificate } from '../../../simulators/salesforce/certificate';
import { channel, Scene, type Listening } from '../../contract/events/scene';
import { transport } from '../../contract/events/pubsub-transport';

describe('The Pub/Sub endpoint', () => {
  let endpoint: string | null = null;
  let ca: string | undefined;
  const scene = new Scene({
    ...transport,
    create: (org, options) => createPubSubSubscriber({ ...options, endpoint: endpoint ?? org.pubsub, ca }),
  });
  afterEach(() => {
    endpoint = null;
    ca = undefined;
  });

  const at = (address: string, authority?: string): Listening => {
    endpoint = address;
    ca = authority;
    return scene.subscribe();
  };
  /** What it says of an endpoint that cannot be used; the endpoint must be named. */
  async function problemAt(
    address: string,
    authority?: string,
  ): Promise<{ code: string; message: string; waits: number[] }> {
    const one = at(address, authority);
    await one.until('a problem', () => one.state.problem !== null, 1_000);
    const problem = one.state.problem ?? { code: '', message: '' };
    assert.ok(problem.message.includes(address), problem.message);
    assert.ok(
      one.log.lines.some((line) => line.facts.problem === problem.message),
      'it is logged',
    );
    assert.equal(scene.streams(), 0);
    const { waits } = one;
    await one.close();
    return { ...problem, waits };
  }
  async function served<T>(server: Server, use: (address: string) => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      return await use(`localhost:${(server.address() as AddressInfo).port}`);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('is spoken to in TLS where it is asked for, to a server that is trusted', async () => {
    const one = at(`https://${scene.org.pubsubTls}`, scene.org.tlsCertificatePem);
    await scene.connected(one);
    const { uuids } = scene.publish();
    await scene.stored(one, 1);
    assert.deepEqual(one.sink.order, uuids);
  });

  it('whose certificate is not trusted is told nothing, and is named', async () => {
    const { code, message } = await problemAt(`https://${scene.org.pubsubTls}`);
    assert.equal(code, 'TLS_REFUSED');
    assert.match(message, /certificate .* is not trusted.*self-signed certificate/);
    assert.equal(scene.calls('GetTopic'), 0);
  });

  it('that speaks TLS is not spoken to in plaintext', async () => {
    const { message } = await problemAt(scene.org.pubsubTls);
    assert.match(message, /https:\/\/ before it/);
    assert.equal(scene.calls('GetTopic'), 0);
  });

  it('that does not speak TLS is told nothing', async () => {
    const { code, message } = await problemAt(`https://${scene.org.pubsub}`);
    assert.equal(code, 'TLS_REFUSED');
    assert.match(message, /does not speak TLS/);
  });

  it('whose host nobody knows is named', async () => {
    const { code, message } = await problemAt('nothing.invalid:7443');
    assert.equal(code, 'ENOTFOUND');
    assert.match(message, /DNS/);
  });

  it('whose port is closed is named, with the port that firewalls let through', async () => {
    const { code, message } = await problemAt('localhost:1');
    assert.equal(code, 'ECONNREFUSED');
    assert.match(message, /443/);
  });

  it('whose port swallows everything is named, after 20 s', async () => {
    const sockets = new Set<{ destroy(): void }>();
    const hole = createTcp((socket) => void sockets.add(socket.on('error', () => undefined)));
    await served(hole, async (address) => {
      const { code, message } = await problemAt(address);
      assert.equal(code, 'ETIMEOUT');
      assert.match(message, /does not answer.*firewall/);
      for (const socket of sockets) socket.destroy();
    });
  });

  it('that is a web page is named', async () => {
    await served(
      createHttp((_request, response) => void response.writeHead(404).end('<html>')),
      async (address) => {
        const { code, message } = await problemAt(address);
        assert.equal(code, 'NOT_PUBSUB');
        assert.match(message, /no Pub\/Sub API/);
      },
    );
  });

  it('that is another service over HTTP/2 is named, and asked again', async () => {
    const { certificatePem, keyPem } = selfSignedCertificate();
    const other = createSecureServer({ key: keyPem, cert: certificatePem });
    other.on('stream', (stream) => {
      stream.respond({ ':status': 404, 'content-type': 'text/html' });
      stream.end('<html>');
    });
    await served(other as unknown as Server, async (address) => {
      const { code, message, waits } = await problemAt(`https://${address}`, certificatePem);
      assert.equal(code, 'HTTP_404');
      assert.ok(waits.length > 0);
      assert.match(message, /does not speak the Pub\/Sub API/);
    });
  });

  it('that is no address is refused before anything starts', () => {
    const options = { channel } as unknown as PubSubOptions;
    for (const bad of ['', 'https://', 'not a host:x'])
      assert.throws(() => createPubSubSubscriber({ ...options, endpoint: bad }), /host:port/, bad);
  });

  it('may refuse a channel name by the API’s own words', async () => {
    scene.org.panel.switches({ unknownTopicCode: 3 });
    const one = scene.subscribe(undefined, { channel: 'Nothing__e' });
    await one.until('misconfigured', () => one.state.phase === 'misconfigured');
    assert.match(one.state.problem?.message ?? '', /knows no channel Nothing__e/);
  });
});
