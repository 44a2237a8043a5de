/** The topic `replay`: a person lets the channels of a store begin anew, once. Without a word of confirmation it only says what that may cost. */
import { z } from 'zod';
import { parseOperatorStart, type OperatorStart } from '../salesforce/events/start-place';
import type { ControlAnswer } from './control';
import type { Intake } from './intake';

const asked = z.union([
  z.string().transform((from) => ({ from, confirm: false, channel: undefined })),
  z.strictObject({ from: z.string(), confirm: z.boolean().default(false), channel: z.string().optional() }),
]);

/**
 * @param payload a place: `ALL`, a replay id in base64, or a time such as `2026-11-25T09:00Z`; or `{ from, confirm: true }`,
 *   with `channel` where only one of several is meant.
 * @param now wall ms.
 * @returns an answer for each channel; `subject` is the channel.
 */
export async function replay(
  payload: unknown,
  intakes: readonly Pick<Intake, 'options' | 'startCost' | 'startFrom'>[],
  now: number,
): Promise<ControlAnswer[]> {
  const no = (text: string): ControlAnswer[] => [{ subject: null, done: false, text }];
  const parsed = asked.safeParse(payload);
  if (!parsed.success)
    return no('Put a place into msg.payload: ALL, a replay id, or a time; or { from: "ALL", confirm: true }');
  const { from, confirm, channel } = parsed.data;
  let start: OperatorStart;
  try {
    start = parseOperatorStart(from, now);
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error));
  }
  const meant = intakes.filter((intake) => channel === undefined || intake.options.channel === channel);
  if (meant.length === 0)
    return no(
      channel === undefined
        ? 'No platform event node has started on this store'
        : `No platform event node of this store listens to ${channel}`,
    );
  return Promise.all(meant.map((intake) => replayOne(intake, start, from, confirm)));
}

async function replayOne(
  intake: Pick<Intake, 'options' | 'startCost' | 'startFrom'>,
  start: OperatorStart,
  from: string,
  confirm: boolean,
): Promise<ControlAnswer> {
  const subject = intake.options.channel;
  const { text: cost } = await intake.startCost(start);
  if (!confirm) {
    const again = `{ from: ${JSON.stringify(from)}, confirm: true }`;
    return { subject, done: false, text: `It may cost: ${cost}. Nothing was started yet; to start, send ${again}` };
  }
  const begun = await intake.startFrom(start);
  const text = begun
    ? `Reads from ${from.trim()}; what was handled already is recognized. It may cost: ${cost}`
    : 'Another instance subscribes to this channel; ask there';
  return { subject, done: begun, text };
}
