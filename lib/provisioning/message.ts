/**
 * The message that travels through a flow: the keys that our nodes add to `msg`, one each.
 * Small and flat, so that it reads well in the debug sidebar; no secret, no function, no client object.
 */
import type { JsonObject } from '../json';
import type { AddOrderItem, BillingCycle } from '../whmcs/contract';
import type { Delivery } from '../state/contract';
import type { ErrorCode, Owner } from './error-codes';
import type { StepName } from './step';

export interface Travelling {
  event: EventPart;
  order: OrderPart;
  client: ClientPart;
  mapping: MappingPart;
  whmcs: WhmcsPart;
  provisioning: ProvisioningPart;
  skipped: SkippedPart;
  failure: FailurePart;
}

export interface EventPart {
  id: string;
  uuid: string;
  /** base64, '' when it did not come from the bus. */
  replayId: string;
  channel: string;
  /** ISO, or null when unknown. */
  createdAt: string | null;
  receivedAt: string;
  handout: number;
  delivery: Delivery;
}

export interface OrderPart {
  id: string;
  number: string;
  url: string;
  /** Activation_Status__c. */
  status: string;
  /** `whField`: the field that `whAccount` is of; absent: WH_Account__c. */
  account: { id: string; name: string; whAccount: string | null; whField?: string } | null;
  /** Id that Salesforce shows for WHMCS, a candidate only. */
  whmcsOrderId: string | null;
  /** Other Orders that carry the same id; absent: not asked for, since the record has that very WHMCS order, or there is no id. */
  sameWhmcsOrderId?: string[];
  /** Price book that every item must be of; null: any. */
  pricebookId?: string | null;
  items: {
    id: string;
    product: {
      id: string;
      name: string;
      productId: string | null;
      billingCycle: string | null;
      isActive?: boolean;
    } | null;
    quantity: number;
    price: number | null;
    /** null: not told. */
    pricebookId?: string | null;
    /** What mapping check asked for besides, by path (`OrderItem.Domain__c`). */
    fields?: Record<string, string | null>;
  }[];
}

export interface ClientPart {
  id: number;
  source: 'id_mappings' | 'account';
  status: string;
  currency: string;
  /** Gateway module name for AddOrder. */
  paymentMethod: string;
  /** What is odd, though it keeps nothing back; absent when nothing is. */
  warning?: string;
}

export interface MappingFault {
  code: string;
  message: string;
  fix: string;
  owner: Owner;
}

export interface MappedItem extends Pick<
  AddOrderItem,
  'domain' | 'hostname' | 'customFields' | 'configOptions' | 'priceOverride'
> {
  orderItemId: string;
  productId: string | null;
  productName: string;
  pid: number | null;
  billingCycle: BillingCycle | null;
  quantity: number;
  /** Expected money per unit and cycle, as WHMCS prices it; null when not known. */
  price: string | null;
  faults: MappingFault[];
  /** What is odd, though it keeps nothing back; absent when there is none. */
  warnings?: MappingFault[];
}

export interface MappingPart {
  ok: boolean;
  items: MappedItem[];
}

export interface WhmcsPart {
  orderId: number;
  orderNumber: string;
  url: string | null;
  invoiceId: number | null;
  serviceIds: number[];
  /** How we came by it: made now, found after a lost answer, or known before. */
  outcome: 'created' | 'adopted' | 'already';
  status: string;
  warning?: string;
}

export interface StepRecord {
  name: StepName;
  status: 'started' | 'done' | 'failed' | 'skipped' | 'parked';
  startedAt: string;
  ms: number | null;
  detail: string;
}

export interface ProvisioningPart {
  attempt: number;
  steps: StepRecord[];
}

export interface SkippedPart {
  code: ErrorCode;
  message: string;
}

export interface FailurePart {
  code: string;
  message: string;
  step: StepName;
  owner: Owner;
  retryable: boolean;
  fix: string;
}

/** The message as a node receives it: ours if they are there, and whatever else the flow put on it. */
export type Message = Partial<Travelling> & { _msgid?: string; topic?: string; payload?: unknown } & Record<
    string,
    unknown
  >;
export type Payload = JsonObject;
