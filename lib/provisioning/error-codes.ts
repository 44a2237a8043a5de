/**
 * Every error code of ours: who owns it, whether a retry can help, and what to do. `docs/error-codes.md` is generated
 * from this table. Vendors' codes keep their own form (`429`, `503`, `ETIMEOUT`, `INVALID_FIELD`) and are described by
 * `vendorCode`. Owners are those of the runbook's escalation table.
 */
export type Owner = 'Salesforce admin' | 'WHMCS hosting support' | 'Development team' | 'Customer support';

export interface ErrorDescription {
  owner: Owner;
  /** Whether pressing Retry, with nothing else changed, can succeed. It is always safe. */
  retryable: boolean;
  /** One line: what to do. */
  fix: string;
}

/** What a person puts into a payload for the node *control*, as texts name it. */
export const newOrderWord = '{ orderId, newWhmcsOrder: true }';

const table = {
  // the event and the flow
  EVENT_MISSING: [
    'Development team',
    false,
    'A node before this one sent a new message. Return the message that came in, with msg.event untouched.',
  ],
  EVENT_UNREADABLE: [
    'Salesforce admin',
    false,
    'The event could not be decoded. Its raw bytes are kept with the dead events; check the event definition, then publish it again with Provision / Retry.',
  ],
  EVENT_NO_ORDER: [
    'Salesforce admin',
    false,
    'The event names no Salesforce Order. Check that the Flow fills the order id field of the event.',
  ],
  EVENT_CRASHED: [
    'Development team',
    true,
    'The cause is in the log just before each start. Mend it, then press Provision / Retry.',
  ],
  MESSAGE_INCOMPLETE: [
    'Development team',
    false,
    'The message lacks what this step needs. Wire the steps in the order of the palette, and keep the properties that they add.',
  ],
  FLOW_TIMEOUT: [
    'Development team',
    true,
    'The message stopped on its way through the flow. Look at the flow after the node named here, deploy, then press Provision / Retry.',
  ],
  FLOW_ERROR: [
    'Development team',
    true,
    'A node that is not ours failed. Open it in the flow, mend it, then press Provision / Retry.',
  ],
  OUTPUT_NOT_WIRED: [
    'Development team',
    true,
    'An output of this node leads nowhere. Wire it to the next step, deploy, then press Provision / Retry.',
  ],
  SETTING_MISSING: ['Development team', false, 'Set the variable or field named here, then restart or deploy.'],
  SETTING_INVALID: ['Development team', false, 'Correct the variable or field named here, then restart or deploy.'],
  STORE_UNAVAILABLE: [
    'Development team',
    true,
    'The store of the pack cannot be used. Open the node "store" to see why.',
  ],
  CLOSING: ['Development team', true, 'Node-RED was closing. The event is handed out again at the next start.'],
  // reading the order
  ORDER_NOT_FOUND: [
    'Salesforce admin',
    true,
    'Salesforce shows no such Order to the integration user. Check that it exists and that the user may read it.',
  ],
  ORDER_ID_INVALID: [
    'Salesforce admin',
    false,
    'The event holds no id of an Order (801…). Check the Flow that publishes it.',
  ],
  ORDER_EMPTY: [
    'Salesforce admin',
    false,
    'The Order has no products. Add at least one, then press Provision / Retry.',
  ],
  ORDER_NOT_ACTIVATING: [
    'Salesforce admin',
    false,
    'Nothing to do: only an Order whose status is Activating is provisioned.',
  ],
  ORDER_OTHER_PRICEBOOK: [
    'Salesforce admin',
    false,
    'The Order uses a price book other than PORTAL_PRICEBOOK_ID; it is not ours to provision.',
  ],
  SF_AUTH: [
    'Salesforce admin',
    true,
    'Salesforce refused our login. Check the consumer key, user, certificate and the audience.',
  ],
  SF_QUERY: [
    'Salesforce admin',
    true,
    'Salesforce refused to read the Order. Give the integration user read access to the fields named here.',
  ],
  SF_WRITE_REFUSED: [
    'Salesforce admin',
    true,
    'Salesforce refused the result. Give the integration user edit access to the fields named here; the result is kept and written as soon as it can be.',
  ],
  // the client
  CLIENT_NOT_MAPPED: [
    'Salesforce admin',
    false,
    "Link the customer: fill WH_Account__c on the Account with '#<client id> - <name>', or add the pair to id_mappings.",
  ],
  CLIENT_MAPPING_CONFLICT: [
    'Salesforce admin',
    false,
    'One Account is one WHMCS client. Correct the one of the two sources, or remove the row of id_mappings, that is wrong.',
  ],
  ID_MAPPINGS_UNAVAILABLE: [
    'Development team',
    true,
    'PostgreSQL (DATABASE_URL) could not be asked for half an hour. Mend what is named here, then press Provision / Retry.',
  ],
  CLIENT_NOT_FOUND: ['Salesforce admin', false, 'WHMCS has no client with this id. Correct the link on the Account.'],
  CLIENT_CLOSED: [
    'Customer support',
    false,
    'The WHMCS client is closed. Reopen it, or link the Account to another client.',
  ],
  PAYMENT_METHOD_MISSING: [
    'Customer support',
    false,
    'Ask the customer to add a payment method in WHMCS, then press Provision / Retry.',
  ],
  PAYMENT_METHOD_EXPIRED: [
    'Customer support',
    false,
    'Every payment method of this customer has expired. Ask for a new one, then press Provision / Retry.',
  ],
  PAYMENT_GATEWAY_UNKNOWN: [
    'WHMCS hosting support',
    false,
    'WHMCS has no such gateway active. Set WHMCS_PAYMENT_METHOD to one of those named here.',
  ],
  // the mapping
  MAPPING_INCOMPLETE: [
    'Salesforce admin',
    false,
    'Correct each item named here (Product2.WH_Product_ID__c, Billing_Cycle__c, quantity), then press Provision / Retry.',
  ],
  // WHMCS
  WHMCS_CONFIG: [
    'WHMCS hosting support',
    true,
    'WHMCS refuses this server or its API credentials. Correct what is named here; work goes on by itself.',
  ],
  WHMCS_EDGE_BLOCKED: [
    'WHMCS hosting support',
    true,
    'A firewall in front of WHMCS (such as Cloudflare) blocked the call. Let includes/api.php through for this server.',
  ],
  WHMCS_REFUSED: [
    'WHMCS hosting support',
    false,
    'WHMCS refused the order with the text given here. Correct it in WHMCS or in the Order, then press Provision / Retry.',
  ],
  WHMCS_UNREADABLE: [
    'WHMCS hosting support',
    true,
    'WHMCS answered something that is no API answer. Check the WHMCS address, maintenance mode and the PHP error log.',
  ],
  WHMCS_UNREACHABLE: [
    'WHMCS hosting support',
    true,
    'WHMCS cannot be reached at this address. Nothing was sent. Check the address and the network, then press Provision / Retry.',
  ],
  WHMCS_SILENT: [
    'WHMCS hosting support',
    true,
    'WHMCS answers no call. Look at its server, its error log and what stands before it (firewall, network); orders wait and go on by themselves.',
  ],
  WHMCS_OUTCOME_UNKNOWN: [
    'WHMCS hosting support',
    true,
    'If the client has it in WHMCS, put its id into WHMCS_Order_ID__c; then press Retry, which looks again before it adds.',
  ],
  WHMCS_CLIENT_BLOCKED: [
    'WHMCS hosting support',
    true,
    'Nothing was sent for this Order. Have the other Order that is named here decided first, then press Provision / Retry; if nobody wants that one, cancel what it made in WHMCS and retry after a day.',
  ],
  WHMCS_TWIN: [
    'WHMCS hosting support',
    false,
    'WHMCS has two orders for this Salesforce Order. Cancel the Pending one that is not wanted (node "control", topic "cancel twin"), then press Provision / Retry.',
  ],
  WHMCS_ORDER_FOREIGN: [
    'Salesforce admin',
    false,
    'WHMCS_Order_ID__c names a WHMCS order that is not of this Salesforce Order. Clear the field, then press Provision / Retry.',
  ],
  WHMCS_ORDER_GONE: [
    'WHMCS hosting support',
    false,
    `No new one is made by itself. To make one, send the node "control" the topic "retry" with the payload ${newOrderWord}.`,
  ],
  WHMCS_ORDER_STATUS: [
    'WHMCS hosting support',
    false,
    'The WHMCS order has a status that we do not act on. Set it to Pending or Active, then press Provision / Retry.',
  ],
  WHMCS_ORDER_DIFFERS: [
    'WHMCS hosting support',
    false,
    'Correct what is wrong, in Salesforce or in WHMCS (the order and its invoice), or cancel the WHMCS order; then press Provision / Retry.',
  ],
  WHMCS_ACCEPT_UNKNOWN: [
    'WHMCS hosting support',
    true,
    'The order is still Pending although it was accepted once. Accept it by hand in WHMCS, then press Provision / Retry.',
  ],
  WHMCS_ACCEPT_REFUSED: [
    'WHMCS hosting support',
    true,
    'WHMCS refused to accept the order with the text given here. Correct it, then press Provision / Retry.',
  ],
  WHMCS_PARTIALLY_PROVISIONED: [
    'WHMCS hosting support',
    true,
    'Some services are not live. Mend the cause, run Create in WHMCS or by the node "control" (topic "create module"), then press Provision / Retry.',
  ],
  // the end
  ATTEMPT_CLOSED: [
    'Development team',
    false,
    'This attempt has ended already. Press Provision / Retry to start a new one.',
  ],
  NOT_ACCEPTED: [
    'Development team',
    false,
    'Activated was asked for, but no accepted WHMCS order is known. Put accept order before update order.',
  ],
  ORDER_BUSY: ['Development team', true, 'Another step of this order is under way. It is looked at again by itself.'],
} as const satisfies Record<string, readonly [Owner, boolean, string]>;

export type ErrorCode = keyof typeof table;

export const errorCodes: Readonly<Record<ErrorCode, ErrorDescription>> = Object.fromEntries(
  Object.entries(table).map(([code, [owner, retryable, fix]]) => [code, { owner, retryable, fix }]),
) as Record<ErrorCode, ErrorDescription>;

/** A vendor's own code: an HTTP status, a time-out, a Salesforce errorCode. */
export function vendorCode(code: string, vendor: 'salesforce' | 'whmcs'): ErrorDescription {
  const owner: Owner = vendor === 'salesforce' ? 'Salesforce admin' : 'WHMCS hosting support';
  const name = vendor === 'salesforce' ? 'Salesforce' : 'WHMCS';
  if (/^(429|5\d\d)$/.test(code) || /^E[A-Z]+$/.test(code)) {
    return {
      owner,
      retryable: true,
      fix: `${name} did not answer as it should. When it is well again, press Provision / Retry; it is safe.`,
    };
  }
  return {
    owner,
    retryable: false,
    fix: `Look up ${code} in the ${name} documentation, correct it, then press Provision / Retry.`,
  };
}
