/** The org: its records, its users, its automation, and the one way to write to it. */
import type { Ledger } from '../shared/ledger';
import type { Switches } from '../shared/switches';
import type { VirtualClock } from '../shared/virtual-clock';
import type { Bus } from './bus';
import { changeOf } from './change-events';
import { checkFields } from './dml';
import { ApiError } from './errors';
import { businessKey, checkAttempt, flowFields, flowRuns, provisionChannel } from './flow';
import { Records, Transaction, toDatetime, type Row, type RowChange, type Values } from './records';
import { currencyField, SchemaView, type ObjectSchema } from './schema';
import type { SwitchValues } from './switches';

export const orgId = '00DQl000000xYzWMAU';

/** Who writes. People at a browser are not held by what the API user may see or write. */
export interface Writer {
  userId: string;
  username: string;
  kind: 'apiUser' | 'person';
}

/** A transaction of this org, with the events that go out when it commits. */
class OrgTransaction extends Transaction {
  readonly ordersToPublish: Row[] = [];
  publishedEarly = false;

  constructor(
    records: Records,
    now: number,
    readonly writer: Writer,
  ) {
    super(records, now, writer.userId);
  }
}
export type { OrgTransaction };

export class Org {
  readonly records = new Records();
  /** API requests so far, on top of the switch `apiRequestsUsed`. */
  apiRequests = 0;
  private orderNumber = 0;
  private itemNumber = 0;

  constructor(
    readonly clock: VirtualClock,
    readonly switches: Switches<SwitchValues>,
    readonly ledger: Ledger,
    readonly bus: Bus,
  ) {}

  /** What a writer sees of the schema. */
  view(writer?: Writer): SchemaView {
    const { missingFields, hiddenFields, readOnlyFields, severalCurrencies } = this.switches.values;
    const missing = severalCurrencies ? missingFields : [...missingFields, currencyField];
    if (writer?.kind !== 'apiUser') return new SchemaView(missing, []);
    return new SchemaView([...missing, ...hiddenFields], readOnlyFields);
  }

  begin(writer: Writer): OrgTransaction {
    return new OrgTransaction(this.records, this.clock.now(), writer);
  }

  /**
   * Changes a record as its writer asks, under all rules of the org.
   * @throws ApiError as Salesforce would.
   */
  update(tx: OrgTransaction, row: Row, body: Readonly<Record<string, unknown>>): Row {
    const { writer } = tx;
    const sent = checkFields(this.view(writer), row.object, body, 'update');
    this.checkActivated(row, tx);
    if (row.object.name !== 'Order') return tx.update(row, sent);
    const computed = { ...flowFields(row, sent, this.view()), ...this.activate(row, sent, tx) };
    if (this.switches.values.attemptRule && writer.kind === 'apiUser') checkAttempt(row, sent, this.view());
    const after = tx.update(row, sent, computed);
    if (flowRuns(row, sent)) this.provision(tx, after);
    return after;
  }

  /**
   * Creates a record.
   * @throws ApiError as Salesforce would.
   */
  insert(tx: OrgTransaction, object: ObjectSchema, body: Readonly<Record<string, unknown>>): Row {
    const sent = checkFields(this.view(tx.writer), object, body, 'insert');
    if (object.name === 'OrderItem') return this.insertItem(tx, sent);
    if (object.name !== 'Order') return tx.insert(object.name, sent);
    this.orderNumber += 1;
    const fixed = { OrderNumber: String(this.orderNumber).padStart(8, '0'), OwnerId: sent.OwnerId ?? tx.userId };
    const order = tx.insert('Order', { ...sent, ...fixed, ...flowFields(null, sent, this.view()) });
    if (flowRuns(null, sent)) this.provision(tx, order);
    return order;
  }

  /**
   * Makes a transaction's writes seen, then publishes what it owes; with the switch `publishImmediately` the events are
   * out already and the commit follows later, its rows locked until then.
   * @returns true when committed at once, else a promise of the commit.
   */
  commit(tx: OrgTransaction): true | Promise<void> {
    const { commitDelayMs } = this.switches.values;
    if (!tx.publishedEarly || commitDelayMs === 0) {
      this.finish(tx);
      return true;
    }
    const unlock = this.records.lock(tx.ids());
    return this.clock.pause(commitDelayMs).then(() => {
      unlock();
      this.finish(tx);
    });
  }

  /** API requests of the day: used, and the cap. */
  apiUsage(): { used: number; max: number } {
    const { apiRequestsUsed, apiRequestsMax } = this.switches.values;
    return { used: apiRequestsUsed + this.apiRequests, max: apiRequestsMax };
  }

  /** Empties the org. */
  clear(): void {
    this.apiRequests = 0;
    this.records.clear();
    this.orderNumber = 100;
    this.itemNumber = 0;
  }

  private finish(tx: OrgTransaction): void {
    for (const change of tx.commit()) {
      this.record(change, tx.writer.username);
      this.capture(change, tx.userId);
    }
    for (const order of tx.ordersToPublish) this.publishProvision(order, tx.userId);
  }

  private provision(tx: OrgTransaction, order: Row): void {
    if (!this.switches.values.flowPublishes) return;
    if (!this.switches.values.publishImmediately) {
      tx.ordersToPublish.push(order);
      return;
    }
    tx.publishedEarly = true;
    this.publishProvision(order, tx.userId);
  }

  private publishProvision(order: Row, createdById: string): void {
    const topic = this.bus.topic(provisionChannel);
    const fields = { OrderId__c: order.id, BusinessKey__c: businessKey(order) };
    if (topic) this.bus.publish(topic, { fields, createdById });
  }

  private capture({ before, after }: RowChange, userId: string): void {
    if (!this.switches.values.changeDataCapture || after.object.name !== 'Order') return;
    const change = changeOf(before, after, this.clock.now(), userId);
    if (change) this.bus.publishChange(change);
  }

  private record({ before, after, sent }: RowChange, by: string): void {
    if (after.object.name !== 'Order') {
      const what = before ? 'recordWritten' : 'recordCreated';
      this.ledger.add(what, { type: after.object.name, id: after.id, by, fields: sent });
      return;
    }
    const orderId = after.id;
    this.ledger.add(before ? 'orderWritten' : 'orderCreated', { orderId, by, fields: sent });
    if (sent.Activation_Status__c === undefined) return;
    const attempt = after.values.Activation_Attempt__c ?? null;
    this.ledger.add('statusWritten', { orderId, status: sent.Activation_Status__c, attempt, by, fields: sent });
  }

  /** An activated order and its items are closed to whoever may not edit activated orders. */
  private checkActivated(row: Row, tx: OrgTransaction): void {
    if (tx.writer.kind === 'person' || this.switches.values.editActivatedOrders) return;
    const orderId = row.object.name === 'OrderItem' ? row.values.OrderId : row.id;
    const order = typeof orderId === 'string' ? tx.read(orderId) : undefined;
    if (order?.values.Status !== 'Activated') return;
    throw new ApiError(400, 'ENTITY_IS_LOCKED', 'entity is locked for editing', []);
  }

  private activate(row: Row, sent: Values, tx: OrgTransaction): Values {
    if (sent.Status !== 'Activated' || row.values.Status === 'Activated') return {};
    if (this.records.items(row.id).length === 0) {
      throw new ApiError(400, 'FAILED_ACTIVATION', 'An order must have at least one product.', []);
    }
    return { ActivatedDate: toDatetime(tx.now), ActivatedById: tx.userId };
  }

  private insertItem(tx: OrgTransaction, sent: Values): Row {
    const entryId = sent.PricebookEntryId;
    const entry = typeof entryId === 'string' ? tx.read(entryId) : undefined;
    if (!entry) throw new ApiError(400, 'INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id', []);
    const price = entry.values.UnitPrice ?? null;
    this.itemNumber += 1;
    return tx.insert('OrderItem', {
      ...sent,
      OrderItemNumber: String(this.itemNumber).padStart(10, '0'),
      Product2Id: entry.values.Product2Id ?? null,
      ListPrice: price,
      UnitPrice: sent.UnitPrice ?? price,
      AvailableQuantity: sent.Quantity ?? null,
    });
  }
}
