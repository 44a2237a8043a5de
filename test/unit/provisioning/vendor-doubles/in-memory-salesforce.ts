/** Salesforce in memory: orders with a status, attempts fenced as the org's validation rule does, and a book of what was written. */
import {
  defaultFieldNames,
  type SalesforceError,
  type NamingOrder,
  type OrderChange,
  type Salesforce,
  type SalesforceOrder,
  type WriteEnd,
} from '../../../../lib/salesforce/contract';
import type { Clock } from '../../../../lib/clock';

export interface Written {
  orderId: string;
  change: OrderChange;
}

export class InMemorySalesforce implements Salesforce {
  readonly key = 'memory integration@example';
  readonly userId = '005000000000001AAA';
  readonly orders = new Map<string, SalesforceOrder>();
  /** What was really written, in order. */
  readonly book: Written[] = [];
  /** Ends of the next writes of service ids, instead of writing. */
  readonly itemEnds: WriteEnd[] = [];
  /** Ends every PATCH. */
  refuse: WriteEnd | null = null;
  readonly items: { itemId: string; serviceId: string }[] = [];
  /** Ends of the next PATCHes, instead of writing; `lost` writes and does not say so. */
  readonly ends: (WriteEnd | 'lost')[] = [];
  /** Thrown by the next reads. */
  readonly readFaults: SalesforceError[] = [];
  reads = 0;
  /** Whether If-Unmodified-Since is looked at. */
  conditional = true;
  /** So many ms its clock is ahead of ours. */
  ahead = 0;
  /** Before an Order is read. */
  beforeRead: () => Promise<void> = () => Promise.resolve();
  /** What happens at Salesforce between our read and our PATCH. */
  beforeWrite: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    private readonly withAttempts = true,
  ) {}

  /** An approved order. */
  add(id: string, over: Partial<SalesforceOrder> = {}): SalesforceOrder {
    const order: SalesforceOrder = {
      id,
      number: `#${id.slice(-6)}`,
      url: `https://sf.example/${id}`,
      activationStatus: 'Activating',
      whmcsOrderId: null,
      attempt: this.withAttempts ? 1 : null,
      pricebookId: null,
      totalAmount: null,
      createdAt: this.clock.now() - 3_600_000,
      lastModifiedAt: wholeSecond(this.clock.now() - 60_000),
      lastModifiedById: '005000000000009AAA',
      serverNow: null,
      fence: this.withAttempts ? 'attempt' : 'lastModified',
      account: null,
      items: [],
      ...over,
    };
    this.orders.set(id, order);
    return order;
  }

  /** A person's edit in Salesforce. */
  edit(id: string, change: Partial<SalesforceOrder>): void {
    const order = this.orders.get(id);
    if (order)
      Object.assign(
        order,
        { lastModifiedAt: wholeSecond(this.clock.now()), lastModifiedById: '005000000000009AAA' },
        change,
      );
  }

  async readOrder(orderId: string): Promise<SalesforceOrder | null> {
    this.reads += 1;
    await this.beforeRead();
    const fault = this.readFaults.shift();
    if (fault) throw fault;
    const order = this.orders.get(orderId);
    const serverNow = wholeSecond(this.clock.now() + this.ahead);
    return Promise.resolve(order ? { ...structuredClone(order), serverNow } : null);
  }

  /** Thrown by the next question which other Orders carry an id. */
  readonly namingFaults: SalesforceError[] = [];

  ordersNaming(texts: readonly string[], except: string): Promise<NamingOrder[]> {
    const fault = this.namingFaults.shift();
    if (fault) return Promise.reject(fault);
    const naming = [...this.orders.values()].filter(
      ({ id, whmcsOrderId }) => id !== except && whmcsOrderId !== null && texts.includes(whmcsOrderId),
    );
    return Promise.resolve(naming.slice(0, 3).map(({ id, number }) => ({ id, number })));
  }

  readonly deleted = new Set<string>();

  isDeleted(orderId: string): Promise<boolean> {
    return Promise.resolve(this.deleted.has(orderId));
  }

  async writeOrder(
    orderId: string,
    change: OrderChange,
    _fields = defaultFieldNames,
    options: { ifUnmodifiedSince?: number } = {},
  ): Promise<WriteEnd> {
    this.beforeWrite();
    if (this.refuse) return this.refuse;
    const end = this.ends.shift();
    if (end !== undefined && end !== 'lost') return end;
    const order = this.orders.get(orderId);
    if (!order)
      return { kind: 'refused', code: 'NOT_FOUND', message: 'The requested resource does not exist', fields: [] };
    const { ifUnmodifiedSince: since } = options;
    if (this.conditional && since !== undefined && order.lastModifiedAt > wholeSecond(since))
      return { kind: 'changed' };
    if (
      order.fence === 'attempt' &&
      change.activationStatus &&
      change.activationStatus !== 'Activating' &&
      change.resultAttempt !== order.attempt
    ) {
      return {
        kind: 'refused',
        code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
        message: 'A newer attempt stands',
        fields: ['Activation_Status__c'],
      };
    }
    if (change.activationStatus) order.activationStatus = change.activationStatus;
    if (change.attempt !== undefined && this.withAttempts) order.attempt = change.attempt;
    if (change.whmcsOrderId !== undefined) order.whmcsOrderId = change.whmcsOrderId;
    order.lastModifiedAt = wholeSecond(this.clock.now());
    order.lastModifiedById = this.userId;
    this.book.push({ orderId, change });
    return Promise.resolve(
      end === 'lost' ? { kind: 'unknown', code: 'ETIMEOUT', message: 'no answer' } : { kind: 'written' },
    );
  }

  writeItems(values: { itemId: string; serviceId: string }[]): Promise<WriteEnd> {
    const end = this.itemEnds.shift();
    if (end) return Promise.resolve(end);
    this.items.push(...values);
    return Promise.resolve({ kind: 'written' });
  }

  health(): ReturnType<Salesforce['health']> {
    return { auth: 'ok', error: null, lastOkAt: null };
  }

  /** Statuses written to an order, in order. */
  statuses(orderId: string): (string | undefined)[] {
    return this.book
      .filter((one) => one.orderId === orderId && one.change.activationStatus)
      .map((one) => one.change.activationStatus);
  }
}

/** Salesforce's dates have no parts of a second. */
const wholeSecond = (ms: number): number => Math.floor(ms / 1_000) * 1_000;
