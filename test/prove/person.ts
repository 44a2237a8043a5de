/** What a person does in a seed: makes an order by hand, sets a status back, has a twin cancelled, presses Retry. */
import type { HeldSalesforceOrder } from './judge';
import type { Told } from './orders-to-worker';
import type { Plan } from './rows';
import { customerClient, type Vendors } from './vendors';

/** A person who was told to ask again does so after eight minutes, a few times. Virtual ms. */
const betweenWordsMs = 480_000;
const mostWords = 4;

export interface PersonParts {
  plan: Plan;
  vendors: Vendors;
  note: (what: string) => void;
  /** Gives a word to the first worker, as the node *control* does. */
  tell: (line: Told) => void;
}

export class Person {
  /** They have set a status in the middle of a run. */
  clicked = false;
  private readonly retried = new Map<string, number>();
  private readonly failedAt = new Map<string, number>();
  /** When Retry may be pressed after the word to cancel. */
  private readonly wordAt = new Map<string, { again: number; words: number }>();

  constructor(private readonly parts: PersonParts) {}

  /** Makes in WHMCS by hand what the first Salesforce Order asks for. */
  placeAlike(): void {
    const { plan, vendors } = this.parts;
    vendors.whmcs.office.placeOrder({
      clientId: customerClient,
      items: (plan.orders[0] ?? []).map(({ code, quantity }) => ({
        pid: code === 'HOST-M' ? 20 : 11,
        quantity,
        billingCycle: 'monthly',
      })),
    });
  }

  /** One who can't wait sets the status back and on again; what the Flow does then is a new attempt. */
  click(id: string): void {
    const { people } = this.parts.vendors.salesforce;
    const status = people.order(id)['Activation_Status__c'];
    if (status === 'Activated') return;
    if (status === 'Activating') people.editOrder(id, { Activation_Status__c: 'Not Started' });
    people.approve(id);
    this.clicked = true;
  }

  /** @returns whether Retry was pressed on one of them, or will be. */
  retryFailed(orders: readonly HeldSalesforceOrder[], now: number): boolean {
    const { plan, vendors, note } = this.parts;
    let any = false;
    for (const { id, status } of orders) {
      const done = this.retried.get(id) ?? 0;
      if (status !== 'Failed' || done >= plan.retries) continue;
      any = true;
      const since = this.failedAt.get(id) ?? now;
      this.failedAt.set(id, since);
      if (now - since < plan.retryAfterMs) continue;
      if (this.cancelsFirst(id, now)) continue;
      this.failedAt.delete(id);
      this.retried.set(id, done + 1);
      note(`a person presses Retry on ${id}`);
      vendors.salesforce.people.approve(id);
    }
    return any;
  }

  /**
   * Gives the word to cancel, once more where the first one only notes it, and then waits a while for what comes of it.
   * @returns whether there is still something to wait for.
   */
  private cancelsFirst(id: string, now: number): boolean {
    const { plan, vendors, note, tell } = this.parts;
    const living = vendors.whmcs.office
      .orders()
      .filter(({ status, notes }) => status === 'Pending' && notes.includes(id))
      .map((order) => order.id)
      .sort((one, other) => one - other);
    const word = this.wordAt.get(id) ?? { again: now, words: 0 };
    if (plan.cancels === null || living.length < 2 || word.words >= mostWords) {
      const waits = now < word.again;
      if (!waits) this.wordAt.delete(id);
      return waits;
    }
    if (now < word.again) return true;
    this.wordAt.set(id, { again: now + betweenWordsMs, words: word.words + 1 });
    const whmcsOrderId = (plan.cancels === 'the older' ? living[0] : living.at(-1)) ?? 0;
    note(`a person lets WHMCS order ${whmcsOrderId} be cancelled`);
    tell({ do: 'cancel twin', orderId: id, whmcsOrderId });
    return true;
  }
}
