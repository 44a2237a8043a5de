/**
 * The names of all keys. People read and delete `sf:pe:replay:<channel>` by hand; the others are ours. What belongs together
 * shares the part in braces. Scripts that meet many keys of the inbox build them from the same prefix (inbox-lua.ts).
 */

/**
 * HASH: who the store is; id, bornAt, format, mark, fence, seq, replid, doubtReason, doubtUntil, doubtId, doubtTime,
 * doubtBoot, doubtSinceBoot, connection:<instance>.
 */
export const storeKey = 'sf:{store}';
/** SET: the orders that have a state in the ledger, so that one whose keys were deleted is missed. */
export const ordersKey = 'sf:{store}:orders';
/** SET: the instances that have the store open. */
export const instancesKey = 'sf:{inst}';
/** HASH: bootId, pid, startTime, beats. */
export const instanceKey = (instance: string): string => `sf:{inst}:${instance}`;

/** STRING: the replay id, base64. */
export const replayKey = (channel: string): string => `sf:pe:replay:${channel}`;
/** HASH: fence and sequence of that replay id. The same slot as the plain key. */
export const replayPositionKey = (channel: string): string => `{sf:pe:replay:${channel}}:pos`;

/** Prefix of the inbox's keys. */
export const inboxPrefix = '{sf:q}:';

/** HASH: fence, state, todo. No time to live. */
export const ledgerKey = (orderId: string): string => `sf:{o:${orderId}}:ledger`;
/** HASH: one field a fact. No time to live. */
export const factsKey = (orderId: string): string => `sf:{o:${orderId}}:facts`;
/** ZSET: orders that carry a word to do, those that have carried it longest first. */
export const todoKey = (word: string): string => `sf:{todo}:${word}`;

const shortNames: [long: string, short: string][] = [
  ['order:', 'o:'],
  ['client:', 'c:'],
];

function tagOf(lease: string): string {
  for (const [long, short] of shortNames) if (lease.startsWith(long)) return short + lease.slice(long.length);
  return lease;
}
/** STRING with a time to live: token of the holder. */
export const lockKey = (lease: string): string => `sf:{${tagOf(lease)}}:lock`;
/** STRING: the highest fence handed out under this name. No time to live. */
export const fenceKey = (lease: string): string => `sf:{${tagOf(lease)}}:fence`;

/** HASH: WHMCS order → Salesforce order. */
export const claimsKey = 'sf:{claims}';
/** SET: unsettled add intents of a WHMCS client. */
export const openIntentsKey = (whmcs: string, clientId: number): string => `sf:{c:${whmcs}:${clientId}}:open`;

export const idMappingsKey = (by: 'account' | 'client' | 'portal'): string => `sf:{idmap}:${by}`;

/** HASH: one field a step. */
export const timelineKey = (orderId: string): string => `sf:{timeline}:${orderId}`;
/** ZSET: orders by when their timeline was touched last. */
export const timelineOrdersKey = 'sf:{timeline}';
