/** A client's services, page by page to the end. */
import type { Service } from './contract';
import { parseAnswer, servicesPage, unreadable } from './records';
import type { Transport } from './transport';

const action = 'GetClientsProducts';
const pageLength = 100;
const maxPages = 1_000;

/**
 * All services of a client, or the one of an id. WHMCS answers with everybody's where it does not know a filter, and with
 * fewer than it counts where something went wrong: neither is taken for the answer.
 * @throws WhmcsError
 */
export async function readServices(
  transport: Transport,
  query: { clientId?: number; serviceId?: number },
  signal?: AbortSignal,
): Promise<Service[]> {
  const { clientId, serviceId } = query;
  if (clientId === undefined && serviceId === undefined) throw new TypeError('Whose services?');
  const found = new Map<number, Service>();
  for (let start = 0, pages = 0; pages < maxPages; pages++) {
    const fields = { clientid: clientId, serviceid: serviceId, limitstart: start, limitnum: pageLength };
    const page = parseAnswer(action, servicesPage, await transport.read(action, fields, signal));
    const stranger = page.services.find(
      (one) =>
        (clientId !== undefined && one.clientId !== clientId) || (serviceId !== undefined && one.id !== serviceId),
    );
    if (stranger)
      throw unreadable(action, `it has service ${stranger.id} of client ${stranger.clientId}, not asked for`);
    for (const one of page.services) found.set(one.id, one);
    start += page.services.length;
    if (page.total === null) throw unreadable(action, 'it has no count');
    if (start >= page.total) return [...found.values()];
    if (page.services.length === 0) throw unreadable(action, `it counts ${page.total} services and has ${start}`);
  }
  throw unreadable(action, 'it does not come to an end');
}
