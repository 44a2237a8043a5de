/** Where WHMCS is: its API, and pages of its admin area to link to. */

/** The address cannot be used; the message says why, in words for the form. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const apiPath = '/includes/api.php';

/**
 * The address of api.php, from the base URL of WHMCS or from the whole address.
 * @throws AddressError when it is no URL, holds credentials, or is not https (http is let through to this machine alone).
 */
export function apiUrl(text: string): URL {
  const url = webUrl(text, 'The WHMCS address');
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new AddressError(
      `The WHMCS address must begin with https://, since each call carries the secret; http:// is for this machine alone`,
    );
  const base = url.pathname.replace(/\/+$/, '').replace(/\/includes(\/api\.php)?$/i, '');
  if (/\.php$/i.test(base))
    throw new AddressError(`The WHMCS address must be its base URL, or end with ${apiPath}; this one ends with a page`);
  return new URL(`${url.origin}${base}${apiPath}`);
}

/** Names the installation: scheme, host, port and path, nothing else. */
export function installationKey(api: URL): string {
  const port = api.port || (api.protocol === 'https:' ? '443' : '80');
  return `${api.protocol}//${api.hostname}:${port}${api.pathname}`;
}

/**
 * Makes links to orders in the admin area; null while no admin URL is set.
 * @throws AddressError
 */
export function orderLinks(adminUrl: string | undefined): (whmcsOrderId: number) => string | null {
  if (adminUrl === undefined || adminUrl.trim() === '') return () => null;
  const url = webUrl(adminUrl, 'The WHMCS admin address');
  const base = url.pathname.replace(/\/[^/]*\.php$/i, '').replace(/\/+$/, '');
  return (id) => `${url.origin}${base}/orders.php?action=view&id=${id}`;
}

/** Whether a host name means this machine. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);

function webUrl(text: string, what: string): URL {
  const trimmed = text.trim();
  const url = URL.canParse(trimmed) ? new URL(trimmed) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new AddressError(`${what} is no web address: it must look like https://billing.example.com`);
  if (url.username !== '' || url.password !== '')
    throw new AddressError(`${what} must hold no user name and no password`);
  return url;
}
