/** The demo's world, the same for both simulators: who is linked with whom, and what is sold. */

export interface DemoClient {
  clientId: number;
  company: string;
  firstName: string;
  lastName: string;
  status: 'Active' | 'Inactive' | 'Closed';
  currency: 'USD' | 'EUR';
  payMethods: {
    id: number;
    type: 'CreditCard' | 'RemoteCreditCard' | 'BankAccount';
    description: string;
    expiry: string | null;
    lastFour: string | null;
    gateway: string;
  }[];
}

/** Expiry `valid` and `past` are turned into MM/YY by the simulator's clock. */
export const clients: DemoClient[] = [
  {
    clientId: 1001,
    company: 'Northwind Traders',
    firstName: 'Dana',
    lastName: 'Okafor',
    status: 'Active',
    currency: 'USD',
    payMethods: [
      {
        id: 501,
        type: 'RemoteCreditCard',
        description: 'Corporate Visa',
        expiry: 'valid',
        lastFour: '0042',
        gateway: 'stripe',
      },
    ],
  },
  {
    clientId: 1002,
    company: "Fish & Sons O'Neil",
    firstName: 'Ada',
    lastName: 'Fisher',
    status: 'Active',
    currency: 'USD',
    payMethods: [
      { id: 502, type: 'CreditCard', description: 'Mastercard', expiry: 'valid', lastFour: '4444', gateway: '' },
    ],
  },
  {
    clientId: 1003,
    company: "Fish & Sons O'Neil",
    firstName: 'Bea',
    lastName: 'Fisher',
    status: 'Active',
    currency: 'USD',
    payMethods: [
      { id: 503, type: 'BankAccount', description: 'House bank', expiry: null, lastFour: null, gateway: '' },
    ],
  },
  {
    clientId: 1004,
    company: 'Cashless Ltd',
    firstName: 'Nils',
    lastName: 'Leer',
    status: 'Active',
    currency: 'USD',
    payMethods: [],
  },
  {
    clientId: 1005,
    company: 'Expired Card Inc',
    firstName: 'Omar',
    lastName: 'Past',
    status: 'Active',
    currency: 'USD',
    payMethods: [
      { id: 505, type: 'CreditCard', description: 'Old Visa', expiry: 'past', lastFour: '1111', gateway: '' },
    ],
  },
  {
    clientId: 1006,
    company: 'Gone & Co',
    firstName: 'Ida',
    lastName: 'Close',
    status: 'Closed',
    currency: 'USD',
    payMethods: [{ id: 506, type: 'CreditCard', description: 'Visa', expiry: 'valid', lastFour: '2222', gateway: '' }],
  },
  {
    clientId: 1007,
    company: 'Škoda Žilina s.r.o.',
    firstName: 'Jana',
    lastName: 'Nováková',
    status: 'Active',
    currency: 'EUR',
    payMethods: [{ id: 507, type: 'BankAccount', description: 'SEPA', expiry: null, lastFour: null, gateway: '' }],
  },
];

export interface DemoProduct {
  /** Product2.ProductCode, and the name of the demo's orders. */
  code: string;
  name: string;
  /** pid in WHMCS; null: not there. */
  pid: number | null;
  /** What Salesforce says; null: empty. */
  productIdField: string | null;
  billingCycleField: string | null;
  payType: 'free' | 'onetime' | 'recurring';
  /** Price per cycle in USD and EUR alike; WHMCS offers just these. */
  prices: Partial<Record<'monthly' | 'quarterly' | 'semiannually' | 'annually' | 'biennially' | 'triennially', string>>;
  allowQuantity: 0 | 1 | 2;
  /** Name of a provisioning module; '' none. */
  module: string;
  hidden?: boolean;
}

export const products: DemoProduct[] = [
  {
    code: 'SEAT-M',
    name: 'Pro seat, monthly',
    pid: 11,
    productIdField: '11',
    billingCycleField: 'Monthly',
    payType: 'recurring',
    prices: { monthly: '15.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'SEAT-Q',
    name: 'Pro seat, quarterly',
    pid: 12,
    productIdField: '12',
    billingCycleField: 'Quarterly',
    payType: 'recurring',
    prices: { quarterly: '42.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'SEAT-S',
    name: 'Pro seat, half-yearly',
    pid: 13,
    productIdField: '13',
    billingCycleField: 'Semi-Annually',
    payType: 'recurring',
    prices: { semiannually: '80.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'SEAT-A',
    name: 'Pro seat, yearly',
    pid: 14,
    productIdField: '14',
    billingCycleField: 'Annually',
    payType: 'recurring',
    prices: { annually: '149.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'SEAT-B',
    name: 'Pro seat, two years',
    pid: 15,
    productIdField: '15',
    billingCycleField: 'Biennially',
    payType: 'recurring',
    prices: { biennially: '280.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'SEAT-T',
    name: 'Pro seat, three years',
    pid: 16,
    productIdField: '16',
    billingCycleField: 'Triennially',
    payType: 'recurring',
    prices: { triennially: '390.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'SETUP',
    name: 'Set-up service',
    pid: 17,
    productIdField: '17',
    billingCycleField: 'One-Time',
    payType: 'onetime',
    prices: { monthly: '250.00' },
    allowQuantity: 0,
    module: '',
  },
  {
    code: 'TRIAL',
    name: 'Trial',
    pid: 18,
    productIdField: '18',
    billingCycleField: 'Free',
    payType: 'free',
    prices: {},
    allowQuantity: 0,
    module: '',
  },
  {
    code: 'HOST-M',
    name: 'Web hosting',
    pid: 20,
    productIdField: '20',
    billingCycleField: 'Monthly',
    payType: 'recurring',
    prices: { monthly: '9.50', annually: '99.00' },
    allowQuantity: 1,
    module: 'cpanel',
  },
  {
    code: 'UNMAPPED',
    name: 'Consulting day',
    pid: null,
    productIdField: null,
    billingCycleField: null,
    payType: 'recurring',
    prices: {},
    allowQuantity: 0,
    module: '',
  },
  {
    code: 'WRONG-CYCLE',
    name: 'Pro seat, biannual',
    pid: 11,
    productIdField: '11',
    billingCycleField: 'Biannual',
    payType: 'recurring',
    prices: { monthly: '15.00' },
    allowQuantity: 2,
    module: '',
  },
  {
    code: 'UNKNOWN-PID',
    name: 'Ghost product',
    pid: null,
    productIdField: '9999',
    billingCycleField: 'Monthly',
    payType: 'recurring',
    prices: {},
    allowQuantity: 0,
    module: '',
  },
  {
    code: 'OLD-PLAN',
    name: 'Old plan',
    pid: 21,
    productIdField: '21',
    billingCycleField: 'Monthly',
    payType: 'recurring',
    prices: { monthly: '5.00' },
    allowQuantity: 0,
    module: '',
    hidden: true,
  },
];

export interface DemoAccount {
  name: string;
  /** Account.WH_Account__c; null: not linked. */
  whAccount: string | null;
}

export const accounts: DemoAccount[] = [
  { name: 'Northwind Traders', whAccount: '#1001 - Northwind Traders' },
  { name: "Fish & Sons O'Neil", whAccount: "#1002 - Fish & Sons O'Neil" },
  { name: 'Cashless Ltd', whAccount: '#1004 - Cashless Ltd' },
  { name: 'Expired Card Inc', whAccount: '1005' },
  { name: 'Gone & Co', whAccount: '#1006 - Gone & Co' },
  { name: 'Škoda Žilina s.r.o.', whAccount: '#1007 - Škoda Žilina s.r.o.' },
  { name: 'Nobody Knows GmbH', whAccount: null },
];

/** Ready-made orders in Draft (Activation_Status__c `Not Started`); the demo approves them. */
export interface DemoOrder {
  /** What the demo's buttons call it. */
  story: string;
  account: string;
  items: { code: string; quantity: number }[];
}

export const orders: DemoOrder[] = [
  {
    story: 'good',
    account: 'Northwind Traders',
    items: [
      { code: 'SEAT-A', quantity: 3 },
      { code: 'SETUP', quantity: 1 },
    ],
  },
  {
    story: 'unmapped',
    account: "Fish & Sons O'Neil",
    items: [
      { code: 'UNMAPPED', quantity: 1 },
      { code: 'WRONG-CYCLE', quantity: 2 },
      { code: 'UNKNOWN-PID', quantity: 1 },
    ],
  },
  { story: 'no-payment-method', account: 'Cashless Ltd', items: [{ code: 'SEAT-M', quantity: 1 }] },
  { story: 'expired-card', account: 'Expired Card Inc', items: [{ code: 'SEAT-M', quantity: 1 }] },
  { story: 'unavailable', account: "Fish & Sons O'Neil", items: [{ code: 'SEAT-M', quantity: 2 }] },
  { story: 'answer-lost', account: 'Škoda Žilina s.r.o.', items: [{ code: 'SEAT-Q', quantity: 1 }] },
];
