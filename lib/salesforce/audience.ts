/** Whom the assertion of a login is addressed to. */

const production = 'https://login.salesforce.com';
const sandbox = 'https://test.salesforce.com';

/**
 * The audience (`aud`) that belongs to a login URL:
 * - login.salesforce.com and My Domains of production and developer orgs → `https://login.salesforce.com`;
 * - test.salesforce.com and My Domains of sandboxes and scratch orgs (`acme--uat.sandbox.my.salesforce.com`, the older
 *   `acme--uat.my.salesforce.com` and `cs12.my.salesforce.com`) → `https://test.salesforce.com`, since a sandbox's own
 *   domain is refused with "audience is invalid";
 * - anything else (an Experience Cloud site, a loopback address) → the URL itself, without a trailing slash.
 * An org that wants another one has the setting for it.
 * @throws TypeError when it is no URL.
 */
export function deriveAudience(loginUrl: string): string {
  const { hostname, origin, pathname } = new URL(loginUrl);
  const host = hostname.toLowerCase();
  if (!/\.salesforce\.(com|mil)$/.test(host)) return origin + pathname.replace(/\/+$/, '');
  const isSandbox =
    host.startsWith('test.') ||
    /\.(sandbox|scratch)\.my\.salesforce\./.test(host) ||
    /^[^.]*--[^.]*\.my\.salesforce\./.test(host) ||
    /^cs\d+\./.test(host);
  return isSandbox ? sandbox : production;
}
