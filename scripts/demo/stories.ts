/** The demo's five stories: what is done to the two vendors, and how each order must end in both ledgers. */
import { z } from 'zod';

export interface Vendors {
  salesforce: string;
  whmcs: string;
}

/** A Salesforce Order as the simulator holds it, with the WHMCS orders that bear its mark. */
export interface Outcome {
  orderId: string;
  number: string;
  status: string;
  code: string | null;
  message: string | null;
  /** What Salesforce shows. */
  whmcsOrderId: string | null;
  /** What WHMCS holds for this order. */
  whmcsOrders: { id: number; status: string }[];
}

export interface Story {
  name: string;
  /** What the editor's button says. */
  label: string;
  account: string;
  items: { code: string; quantity: number }[];
  /** Faults of WHMCS that strike this order. */
  faults: object[];
  expected: string;
  /** null: as it must be; else what is wrong. */
  judge: (outcome: Outcome) => string | null;
}

const activated = (outcome: Outcome): string | null => {
  const [only, ...others] = outcome.whmcsOrders;
  if (outcome.status !== 'Activated') return `Salesforce shows ${outcome.status}`;
  if (!only || others.length > 0) return `WHMCS holds ${outcome.whmcsOrders.length} orders`;
  if (only.status !== 'Active') return `the WHMCS order is ${only.status}`;
  return String(only.id) === outcome.whmcsOrderId
    ? null
    : `Salesforce shows WHMCS order ${outcome.whmcsOrderId}, WHMCS holds ${only.id}`;
};

const failed =
  (code: string, ...words: string[]) =>
  (outcome: Outcome): string | null => {
    if (outcome.status !== 'Failed' || outcome.code !== code)
      return `Salesforce shows ${outcome.status} ${outcome.code ?? ''}`;
    const missing = words.find((word) => !(outcome.message ?? '').includes(word));
    if (missing) return `the message does not name ${missing}`;
    return outcome.whmcsOrders.length === 0 ? null : 'WHMCS holds an order';
  };

export const stories: readonly Story[] = [
  {
    name: 'good',
    label: 'Good order',
    account: 'Northwind Traders',
    items: [
      { code: 'SEAT-A', quantity: 3 },
      { code: 'SETUP', quantity: 1 },
    ],
    faults: [],
    expected: 'Activated, one WHMCS order',
    judge: activated,
  },
  {
    name: 'unmapped',
    label: 'Unmapped product',
    account: "Fish & Sons O'Neil",
    items: [
      { code: 'UNMAPPED', quantity: 1 },
      { code: 'WRONG-CYCLE', quantity: 2 },
      { code: 'UNKNOWN-PID', quantity: 1 },
    ],
    faults: [],
    expected: 'Failed, MAPPING_INCOMPLETE with every fault',
    judge: failed('MAPPING_INCOMPLETE', 'Consulting day', 'Pro seat, biannual', 'Ghost product'),
  },
  {
    name: 'no-payment-method',
    label: 'No payment method',
    account: 'Cashless Ltd',
    items: [{ code: 'SEAT-M', quantity: 1 }],
    faults: [],
    expected: 'Failed, PAYMENT_METHOD_MISSING',
    judge: failed('PAYMENT_METHOD_MISSING', '409'),
  },
  {
    name: 'unavailable',
    label: 'WHMCS 503 on a read',
    account: "Fish & Sons O'Neil",
    items: [{ code: 'SEAT-M', quantity: 2 }],
    faults: [
      {
        call: 'GetClientsDetails',
        where: { clientid: '1002' },
        times: 1,
        do: { kind: 'status', status: 503, body: 'Service Unavailable' },
      },
    ],
    expected: 'read again, Activated, one WHMCS order',
    judge: activated,
  },
  {
    name: 'answer-lost',
    label: 'Answer lost after AddOrder',
    account: 'Škoda Žilina s.r.o.',
    items: [{ code: 'SEAT-Q', quantity: 1 }],
    faults: [{ call: 'AddOrder', where: { clientid: '1007' }, times: 1, do: { kind: 'commitThenDrop' } }],
    expected: 'settled by reading, Activated, one WHMCS order',
    judge: activated,
  },
];

const made = z.object({ id: z.string(), number: z.string() });

/** Makes the story's order and approves it, as a person would in Salesforce. */
export async function tell(story: Story, vendors: Vendors): Promise<{ id: string; number: string }> {
  for (const fault of story.faults) await post(`${vendors.whmcs}/_panel/faults`, fault);
  const order = made.parse(
    await post(`${vendors.salesforce}/_panel/orders`, { account: story.account, items: story.items }),
  );
  await post(`${vendors.salesforce}/_panel/orders/${order.id}/approve`, {});
  return order;
}

const salesforceOrders = z.object({
  orders: z.array(
    z.looseObject({
      Id: z.string(),
      OrderNumber: z.string(),
      Activation_Status__c: z.string().nullable(),
      Activation_Error_Code__c: z.string().nullable().optional(),
      Activation_Error_Message__c: z.string().nullable().optional(),
      WHMCS_Order_ID__c: z.string().nullable().optional(),
    }),
  ),
});
const whmcsOrders = z.object({
  orders: z.array(z.looseObject({ id: z.number(), status: z.string(), notes: z.string() })),
});

/** How an order stands in both vendors' books now. */
export async function look(orderId: string, vendors: Vendors): Promise<Outcome> {
  const salesforce = salesforceOrders.parse(await get(`${vendors.salesforce}/_panel/orders`));
  const whmcs = whmcsOrders.parse(await get(`${vendors.whmcs}/_panel/orders`));
  const order = salesforce.orders.find((one) => one.Id === orderId);
  if (!order) throw new Error(`Salesforce has no Order ${orderId}`);
  return {
    orderId,
    number: order.OrderNumber,
    status: order.Activation_Status__c ?? '',
    code: order.Activation_Error_Code__c ?? null,
    message: order.Activation_Error_Message__c ?? null,
    whmcsOrderId: order.WHMCS_Order_ID__c ?? null,
    whmcsOrders: whmcs.orders.filter((one) => one.notes.includes(orderId)).map(({ id, status }) => ({ id, status })),
  };
}

const limitMs = 10_000;

async function post(url: string, body: object): Promise<unknown> {
  return answer(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

const get = (url: string): Promise<unknown> => answer(url, {});

async function answer(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(limitMs) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}: ${text.slice(0, 300)}`);
  return text === '' ? null : JSON.parse(text);
}
