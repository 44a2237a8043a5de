/** The topics `cancel twin` and `create module`: what a person has decided about one WHMCS order or service is carried out. */
import { z } from 'zod';
import { orderIdOf } from '../salesforce/ids';
import { cancelTwin } from './cancel-twin';
import type { ControlAnswer } from './control';
import { createModule } from './create-module';
import type { HeldOrder } from './held-order';
import type { Provisioning } from './provisioning';
import type { Repaired } from './repair-call';

export const repairTopics = ['cancel twin', 'create module'] as const;
export type RepairTopic = (typeof repairTopics)[number];

const id = z.union([
  z.number(),
  z
    .string()
    .trim()
    .regex(/^#?\d{1,15}$/)
    .transform((text) => Number(text.replace('#', ''))),
]);
const positive = id.pipe(z.number().int().positive().max(Number.MAX_SAFE_INTEGER));

interface Asked {
  orderId: string;
  run: (provisioning: Provisioning, order: HeldOrder) => Promise<Repaired>;
}

const repairs: Record<RepairTopic, { asked: z.ZodType<Asked>; example: string; step: string }> = {
  'cancel twin': {
    asked: z.strictObject({ orderId: z.string(), whmcsOrderId: positive }).transform(({ orderId, whmcsOrderId }) => ({
      orderId,
      run: (provisioning, order) => cancelTwin(provisioning, order, whmcsOrderId),
    })),
    example: '{ orderId: "801…", whmcsOrderId: 5002 }',
    step: 'cancel_twin',
  },
  'create module': {
    asked: z
      .strictObject({ orderId: z.string(), serviceId: positive, looked: z.boolean().default(false) })
      .transform(({ orderId, ...service }) => ({
        orderId,
        run: (provisioning, order) => createModule(provisioning, order, service),
      })),
    example: '{ orderId: "801…", serviceId: 9002 }',
    step: 'create_module',
  },
};

/**
 * One order and one thing at a time: each is a decision of its own.
 * @param payload `{ orderId, whmcsOrderId }`, or `{ orderId, serviceId }` with `looked: true` where the answer asks for it.
 * @throws StoreError
 */
export async function repairByHand(
  topic: RepairTopic,
  payload: unknown,
  provisioning: Provisioning,
): Promise<ControlAnswer[]> {
  const { asked, example, step } = repairs[topic];
  const no = (subject: string | null, text: string): ControlAnswer[] => [{ subject, done: false, text }];
  const parsed = asked.safeParse(payload);
  if (!parsed.success) return no(null, `Put ${example} into msg.payload`);
  const orderId = orderIdOf(parsed.data.orderId);
  if (orderId === null) return no(parsed.data.orderId, 'No id of an Order (801…)');
  const from = provisioning.clock.monotonic();
  const startedAt = provisioning.clock.now();
  const held = await provisioning.hold(orderId, async (order) => {
    const repaired = await parsed.data.run(provisioning, order);
    await provisioning.store.timeline.append({
      orderId,
      eventId: '',
      attempt: order.record.attempt,
      step,
      status: repaired.done ? 'done' : 'failed',
      startedAt,
      ms: Math.round(provisioning.clock.monotonic() - from),
      detail: repaired.text,
    });
    return repaired;
  });
  if (held === null) return no(orderId, 'Another step of this order is under way; try again in a moment');
  return [{ subject: orderId, ...held.value }];
}
