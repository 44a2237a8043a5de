/** Where a person lets a channel begin anew, once: everything that is kept, after a replay id, or from a time on. */
import { z } from 'zod';
import type { StartPlace } from '../contract';

/** How long Salesforce keeps events; it may take longer to forget them. */
export const retentionMs = 72 * 3_600_000;

export type OperatorStart =
  | { from: 'ALL' }
  /** Strictly after it; base64. */
  | { from: 'replayId'; replayId: string }
  /** What was created from this wall ms on. There is no asking for it: all that is kept comes, and is passed over before. */
  | { from: 'time'; at: number };

/** Ten bytes today; opaque, so only what can be none at all is refused. */
const shortestId = 8;
const longestId = 64;
const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/**
 * What a person wrote: `ALL`, a replay id in base64 as the log and the messages show it, or a time such as
 * `2026-11-25T09:00Z`.
 * @param now wall ms.
 * @throws Error in plain words when it is none of these.
 */
export function parseOperatorStart(text: string, now: number): OperatorStart {
  const word = text.trim();
  if (word.toUpperCase() === 'ALL') return { from: 'ALL' };
  if (isoTime.test(word)) {
    const at = Date.parse(word);
    if (Number.isNaN(at)) throw new Error(`"${word}" is no time`);
    if (at > now) throw new Error(`${word} lies ahead; give a time that has passed`);
    return { from: 'time', at };
  }
  if (isReplayId(word)) return { from: 'replayId', replayId: word };
  throw new Error(
    `"${word.slice(0, 60)}" is no place to start from: write ALL, a replay id in base64 as in msg.event.replayId, or a time with its zone such as 2026-11-25T09:00Z`,
  );
}

/** Whether a text can be the base64 of a replay id. Numbers, as other clients write them, are none. */
export function isReplayId(text: string): boolean {
  const bytes = Buffer.from(text, 'base64');
  return (
    bytes.length >= shortestId &&
    bytes.length <= longestId &&
    bytes.toString('base64') === text &&
    !/^[\d.+-]+$/.test(text)
  );
}

/** What a cursor holds where a replay id alone does not say where the next stream begins. */
export interface PlaceMark {
  /** Strictly after it, base64; null: with the earliest event that is kept. */
  after: string | null;
  /** What was created before this wall ms is passed over; null: nothing is. */
  since: number | null;
  /** A person asked for it, and nothing has come from there yet. */
  asked: boolean;
  /** The cursor of before a person asked; null: there was none. */
  before: string | null;
}

const markText = 'place:';
const markJson = z.strictObject({
  after: z.string().nullable(),
  since: z.number().nullable(),
  asked: z.boolean(),
  before: z.string().nullable(),
});

/** In base64 as every position; a transport that is given it says that it is unknown. */
export const positionOfMark = (mark: PlaceMark): string =>
  Buffer.from(markText + JSON.stringify(mark)).toString('base64');

/** null: the position is a replay id. */
export function markIn(position: string): PlaceMark | null {
  const text = Buffer.from(position, 'base64').toString('utf8');
  if (!text.startsWith(markText)) return null;
  try {
    return markJson.parse(JSON.parse(text.slice(markText.length)));
  } catch {
    return null;
  }
}

/** As a subscriber is told it. */
export function placeOf(start: OperatorStart): StartPlace {
  switch (start.from) {
    case 'ALL':
      return { preset: 'EARLIEST' };
    case 'time':
      return { preset: 'EARLIEST', createdSince: start.at };
    case 'replayId':
      return { replayId: start.replayId };
  }
}
