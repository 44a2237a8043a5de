/** The simulated Salesforce as its own process, so that its memory is not counted with ours; driven over its panel. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { start, type Running } from '../../scripts/demo/processes';

export const consumerKey = 'soak';
export const username = 'integration@soak.example';

const readyLine = z.object({ ready: z.literal(true), url: z.string(), pubsub: z.string() });
const orderAnswer = z.object({ Activation_Status__c: z.string().nullable() });
const countsAnswer = z.object({ openStreams: z.number(), deliveries: z.number().optional() });

export class Org {
  private constructor(
    private readonly running: Running,
    readonly url: string,
    readonly pubsub: string,
    readonly privateKeyPem: string,
  ) {}

  static async start(directory: string): Promise<Org> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const file = join(directory, 'public.pem');
    writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
    const main = join(__dirname, '../../simulators/salesforce/main.ts');
    const args = ['--import', 'tsx', main, '--consumer-key', consumerKey, '--username', username, '--public-key', file];
    const running = await start('The simulated Salesforce', args, process.env, (line) => {
      const parsed = line.startsWith('{') ? readyLine.safeParse(JSON.parse(line)) : null;
      return parsed?.success ? parsed.data : null;
    });
    const { url, pubsub } = running.ready;
    return new Org(running, url, pubsub, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }

  /** Wall ms of its clock. */
  async now(): Promise<number> {
    return Date.parse(z.object({ now: z.string() }).parse(await this.ask('GET', 'clock')).now);
  }

  /** @returns wall ms after the jump. */
  async advance(ms: number): Promise<number> {
    return Date.parse(z.object({ now: z.string() }).parse(await this.ask('POST', 'clock', { advanceMs: ms })).now);
  }

  /** Events that name no order of this org, all waiting at once. */
  async publish(times: number): Promise<void> {
    const most = 10_000;
    for (let left = times; left > 0; left -= most)
      await this.ask('POST', 'publish', { fields: { OrderId__c: '801Ql000001AbCdIAK' }, times: Math.min(left, most) });
  }

  /** A new order that a person approves: the Flow publishes. @returns its id. */
  async approveNew(): Promise<string> {
    const made = z
      .object({ id: z.string() })
      .parse(await this.ask('POST', 'orders', { items: [{ code: 'SEAT-M', quantity: 1 }] }));
    await this.ask('POST', `orders/${made.id}/approve`);
    return made.id;
  }

  async status(orderId: string): Promise<string | null> {
    return orderAnswer.parse(await this.ask('GET', `orders/${orderId}`)).Activation_Status__c;
  }

  async activated(orderId: string): Promise<void> {
    await this.ask('POST', `orders/${orderId}`, { fields: { Activation_Status__c: 'Activated' } });
  }

  async act(action: string, body: object = {}): Promise<void> {
    await this.ask('POST', `actions/${action}`, body);
  }

  async fault(fault: object): Promise<void> {
    await this.ask('POST', 'faults', fault);
  }

  async clearFaults(): Promise<void> {
    await this.ask('DELETE', 'faults');
  }

  async switches(values: object): Promise<void> {
    await this.ask('POST', 'switches', values);
  }

  async counts(): Promise<z.infer<typeof countsAnswer>> {
    return countsAnswer.parse(await this.ask('GET', 'counts'));
  }

  stop(): Promise<void> {
    return this.running.stop();
  }

  private async ask(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.url}/_panel/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const json: unknown = await answer.json();
    if (!answer.ok) throw new Error(`The simulated Salesforce refused ${method} ${path}: ${JSON.stringify(json)}`);
    return json;
  }
}
