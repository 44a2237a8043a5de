/** Which addresses may be spoken to without TLS. */

/** Whether a host is this machine itself: the only one reached without TLS. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}

/**
 * A base URL that may carry secrets: https, or http on a loopback address. No trailing slash.
 * @throws Error in plain words; it names the URL's origin only.
 */
export function secureBase(text: string, what: string): string {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new Error(`${what} is no URL`);
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw new Error(`${what} must begin with https:// (${url.protocol}//${url.host} would send secrets in the clear)`);
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/**
 * The address of a gRPC endpoint, as `host:port`; the port is 7443 when none is given. Plaintext on a loopback address,
 * unless it is written with https:// before it.
 * @throws Error when it is no address.
 */
export function parseEndpoint(text: string): { address: string; plaintext: boolean } {
  const [, scheme, rest] = /^(?:([a-z]+):\/\/)?(.*)$/i.exec(text.trim()) ?? [];
  let url: URL;
  try {
    url = new URL(`grpc://${rest}`);
  } catch {
    throw new Error('The Pub/Sub endpoint is no host:port');
  }
  if (url.hostname === '') throw new Error('The Pub/Sub endpoint is no host:port');
  const plaintext = isLoopback(url.hostname) && scheme?.toLowerCase() !== 'https';
  return { address: `${url.hostname}:${url.port || '7443'}`, plaintext };
}
