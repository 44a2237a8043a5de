/**
 * What WHMCS's error texts mean. It gives no codes, so its words are all there is; their capitals differ from action to
 * action, and their HTTP status from version to version.
 */
import type { ConfigFault } from './contract';

const address = '[0-9a-f.:]+(?:%[0-9a-z]+)?';
const configTexts: readonly [ConfigFault, RegExp][] = [
  ['ip', new RegExp(`^(?:invalid|forbidden) ip:? ${address}$`)],
  ['role', /^invalid permissions\b/],
  ['role', /^access denied\.?$/],
  ['action', /^(?:command not found|api function not found)\b/],
  ['action', /requested api action could not be found/],
  ['address', /^empty action request\b/],
  ['credentials', /^(?:authentication failed|invalid or missing credentials)\.?$/],
  ['credentials', /^(?:administrator account disabled|invalid password provided)\.?$/],
];

/**
 * Actions that run modules, whose texts WHMCS passes on. Where a module sells what another WHMCS provides, it brings that
 * one's own words.
 */
const runsModules = new Set(['AcceptOrder', 'ModuleCreate']);

/**
 * The configuration fault that a text tells of: the call was certainly not carried out.
 * @param status HTTP status; it counts only where a module may have said the same, which comes without an HTTP error.
 * @returns null when it tells of none.
 */
export function configFault(action: string, status: number, text: string): ConfigFault | null {
  const words = text.trim().toLowerCase();
  if (runsModules.has(action) && status < 400) return null;
  return configTexts.find(([, pattern]) => pattern.test(words))?.[0] ?? null;
}

/** Texts with which an action refuses before it has done anything. */
const refusals: Record<string, readonly RegExp[]> = {
  AddOrder: [
    /^client id not found/,
    /^unable to add order when client status is closed/,
    /^invalid payment method\. valid options include/,
    /^addon id invalid/,
    /^service id not owned by client id provided/,
    /^domain status is set to .* cannot be renewed/,
    /^domain not owned by client id provided/,
    /^no items added to cart/,
    /^expecting parameter '[^']*' to be an array/,
    /^service id \S+ can ?not be renewed at this time/,
  ],
  AcceptOrder: [/^order id not found or status not pending/],
  CancelOrder: [/^order id not found or status not pending/],
  ModuleCreate: [/^service id is required/, /^service id not found/, /^service not assigned to a module/],
  GetClientsDetails: [/^client not found/, /^either clientid or email is required/],
  GetPayMethods: [/^client not found/, /^client id is required/, /^invalid pay method type/],
  GetClientsProducts: [/^client id not found/],
};

/** Whether the text is one of those with which this action refuses, nothing done. */
export function isRefusal(action: string, text: string): boolean {
  const words = text.trim().toLowerCase();
  return (refusals[action] ?? []).some((pattern) => pattern.test(words));
}

/** `Client Not Found`. */
export const saysNoClient = (text: string): boolean => /^client (?:id )?not found/i.test(text.trim());
