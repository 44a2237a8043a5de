/** A seed in which an older copy of the store is put in place. */
import type { Seeded } from '../seeded';
import type { EngineName } from './engines';
import { maybeLost } from './faults';
import { kill } from './harms';
import type { Deed, Order } from './orders-to-worker';
import { backups, type Backup, type Plan, type Seat } from './rows';

/** The calls that a copy of before does not know of. */
const money: readonly string[] = [
  'whmcs.addOrder:before',
  'whmcs.addOrder:sending',
  'whmcs.addOrder:after',
  'ledger.record:after',
  'claims.claim:after',
  'whmcs.acceptOrder:sending',
  'whmcs.acceptOrder:after',
  'salesforce.writeOrder:before',
  'salesforce.writeOrder:after',
];
/** Instants of backups: the closer to the call, the less the copy lacks. */
const before: readonly string[] = [
  'inbox.add:before',
  'inbox.add:after',
  'salesforce.readOrder:after',
  'whmcs.getClient:after',
  'openIntents.open:before',
  'openIntents.open:after',
  'whmcs.addOrder:before',
  'whmcs.addOrder:after',
  'whmcs.acceptOrder:before',
];

/** An older copy is put in place while AddOrder is in flight, or is just done. */
export function shapeBackup(plan: Plan, first: Seat, seeded: Seeded, engine: EngineName): void {
  const once = (name: string, deed: Deed): Order => ({ name, nth: 1, deed });
  const again = seeded.chance(0.7) ? [once(seeded.pick(before), { kind: 'ask', what: 'back the store up' })] : [];
  const at = seeded.pick(money);
  plan.backup = seeded.pick<Backup>(backups[engine]);
  plan.moduleMs = seeded.chance(0.4) ? 20_000 : 0;
  plan.keepsNotes = seeded.chance(0.75);
  if (!plan.keepsNotes) plan.allowances = ['lost record'];
  plan.faults = maybeLost(seeded, 0.5);
  // Only a server can be put back under a worker that lives.
  if (engine === 'redis' && seeded.chance(0.5)) {
    plan.hit = 'none';
    first.lives = [[...again, once(at, { kind: 'ask', what: 'put the backup back' })]];
  } else {
    plan.hit = 'kill';
    first.lives = [[...again, once(at, { kind: 'kill' })], ...(seeded.chance(0.3) ? [[kill(seeded)]] : [])];
    first.between = 'gets its backup back';
  }
}
