/**
 * A place in a channel of the Streaming API, as the cursor holds it. Replay ids are numbers there and opaque bytes in the
 * Pub/Sub API; how the two correspond is not documented, so that each transport keeps to its own. Ours is base64 of
 * `cometd:` and the decimal digits. The other transport's is no such text; given ours, the Pub/Sub API says that it is
 * unknown. Either way a change of transport reads everything that is retained, and misreads nothing.
 */

const written = /^cometd:(\d{1,20})$/;

/** @param replayId decimal digits, up to 64 bits. */
export const positionOf = (replayId: string): string => Buffer.from(`cometd:${replayId}`).toString('base64');

/** The replay id as decimal digits; null when the position is not of this transport. */
export const replayIdOf = (position: string): string | null =>
  written.exec(Buffer.from(position, 'base64').toString('latin1'))?.[1] ?? null;
