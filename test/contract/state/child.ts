/** A process that works on a store until it is killed: by itself at a named point, or by its parent at any instant. */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { z } from 'zod';
import { thisProcess } from '../../../lib/state/sender';
import type { StateStore } from '../../../lib/state/contract';
import type { OpenInChild } from './engine-under-test';
import { channel, eventOf, orderOf, positionOf, stateWith } from './samples';

const orders = z
  .object({
    module: z.string(),
    place: z.string(),
    instance: z.string(),
    script: z.enum(['saga', 'intake', 'hold', 'takeAndDie', 'takeAndEnd']),
    killAt: z.string().nullable(),
    from: z.number(),
  })
  .parse(JSON.parse(process.argv[2] ?? '{}'));

/** Straight to the pipe: what was said before a kill is heard. */
const say = (line: string): void => void writeSync(1, `${line}\n`);

function point(name: string): void {
  if (orders.killAt === name) process.kill(process.pid, 'SIGKILL');
}

/** One event's way, with every durable step that lies on it. */
async function saga(store: StateStore): Promise<void> {
  const orderId = orderOf(1);
  point('before add');
  await store.inbox.add(eventOf(1), positionOf(1));
  point('after add');
  const event = await store.inbox.take(channel, Date.now());
  if (!event) throw new Error('nothing to take');
  point('after take');
  const lease = await store.leases.acquire(`order:${orderId}`, 30_000);
  if (!lease) throw new Error('the lease is taken');
  await store.openIntents.open('whmcs', 7, orderId, 'a1');
  await store.ledger.write(orderId, lease.fence, stateWith(['settle'], { intent: 'a1' }));
  point('after ledger write');
  await store.ledger.record(orderId, { intent: 'a1', kind: 'order-seen', whmcsOrderId: 4711, at: Date.now() });
  await store.claims.claim('whmcs', 4711, orderId);
  point('after fact');
  await store.inbox.finish(event.id, event.handout, 'Activated', null, Date.now());
  point('after finish');
}

async function intake(store: StateStore): Promise<void> {
  for (let number = orders.from; ; number++) {
    await store.inbox.add(eventOf(number), positionOf(number));
    say(`stored ${number}`);
    // A turn of the loop, so that the parent's kill meets the process everywhere, not in its reads alone.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function main(): Promise<void> {
  // The engine's module is only known at run time.
  const { openInChild } = createRequire(__filename)(orders.module) as { openInChild: OpenInChild };
  const store = await openInChild(orders.place, orders.instance);
  say(`open ${JSON.stringify(thisProcess(orders.instance))}`);
  switch (orders.script) {
    case 'saga':
      return saga(store);
    case 'intake':
      return intake(store);
    case 'hold':
      setInterval(() => undefined, 1_000);
      return;
    case 'takeAndDie':
      await store.inbox.take(channel, Date.now());
      return void process.kill(process.pid, 'SIGKILL');
    case 'takeAndEnd':
      await store.inbox.take(channel, Date.now());
      return process.exit(orders.killAt === 'with an error' ? 1 : 0);
  }
}

main().catch((error: unknown) => {
  say(`failed ${String(error)}`);
  process.exit(1);
});
