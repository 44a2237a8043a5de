/** A failure as the inbox keeps it with its event. */
import { z } from 'zod';
import type { Json } from '../json';
import type { FailurePart } from './message';
import type { Owner } from './error-codes';
import type { StepName } from './step';

const stored = z.object({
  code: z.string(),
  message: z.string(),
  step: z.string(),
  owner: z.string(),
  retryable: z.boolean(),
  fix: z.string(),
  /** Something asked for *Failed* with it; else it only is what a step last said. */
  wish: z.boolean().optional(),
});

/** null: none is stored, or it is not readable. */
export function failurePart(value: Json): { part: FailurePart; wish: boolean } | null {
  const parsed = stored.safeParse(value);
  if (!parsed.success) return null;
  const { wish, ...part } = parsed.data;
  return { part: { ...part, owner: part.owner as Owner, step: part.step as StepName }, wish: wish ?? false };
}
