/**
 * Orders of different Accounts that are linked with the same WHMCS client: one of the links may have been copied from the
 * other Account, and then one customer pays for the other. Parent and child may share a client, so it is no fault.
 */
import { defaultFieldNames } from '../salesforce/contract';
import type { Travelling } from './message';
import { plain } from './plain-text';

type Linked = Partial<Pick<Travelling, 'order' | 'client'>>;

/** What is to be said of each of these orders, in their order; null: nothing. */
export function sharedClientNotes(orders: readonly Linked[]): (string | null)[] {
  return orders.map(({ order, client }) => {
    const account = order?.account;
    if (!client || !account) return null;
    const others = new Map<string, NonNullable<Linked['order']>>();
    for (const { order: other, client: its } of orders)
      if (other?.account && its?.id === client.id && other.account.id !== account.id && !others.has(other.account.id))
        others.set(other.account.id, other);
    const [first] = others.values();
    if (!first?.account) return null;
    const more = others.size - 1;
    const rest = more > 0 ? ` and ${more} more Account${more === 1 ? '' : 's'} are` : ' is';
    const name = plain(first.account.name, 60) || first.account.id;
    return (
      `Account ${name} (Order ${first.number})${rest} linked with WHMCS client ${client.id}, too. ` +
      `Where the ${more > 0 ? 'Accounts' : 'two'} are not one customer, correct ${account.whField ?? defaultFieldNames.account} of the one that is wrong`
    );
  });
}
