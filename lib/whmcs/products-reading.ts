/** Products by their ids, so that one is called unknown only by an answer that is whole. */
import type { Product } from './contract';
import { optionalCount } from './loose-values';
import { products } from './product-records';
import { parseAnswer, unreadable } from './records';
import type { Transport } from './transport';

const action = 'GetProducts';
/** As many products as one call asks for. */
const productsAtOnce = 100;

/**
 * The products of these ids; one that is missing is unknown to WHMCS. A call for each hundred. GetProducts takes no limits,
 * so where an answer counts more products than it has, those that are missing are asked for again, in the end one by one.
 * @throws WhmcsError also where not even the question for one product has a whole answer.
 */
export async function readProducts(
  transport: Transport,
  pids: readonly number[],
  signal?: AbortSignal,
): Promise<Product[]> {
  const wanted = [...new Set(pids)];
  const found: Product[] = [];
  for (let at = 0; at < wanted.length; at += productsAtOnce)
    found.push(...(await listed(transport, wanted.slice(at, at + productsAtOnce), signal)));
  return found;
}

async function listed(transport: Transport, pids: readonly number[], signal?: AbortSignal): Promise<Product[]> {
  const answer = await transport.read(action, { pid: pids.join(',') }, signal);
  const all = parseAnswer(action, products, answer);
  // Where it did not understand the list it names others too.
  const found = all.filter(({ pid }) => pids.includes(pid));
  const missing = pids.filter((pid) => !found.some((one) => one.pid === pid));
  const total = optionalCount.safeParse(answer['totalresults']).data ?? null;
  if (missing.length === 0 || total === null || total <= all.length) return found;
  if (found.length > 0) return [...found, ...(await listed(transport, missing, signal))];
  const [only, ...others] = missing;
  if (others.length === 0)
    throw unreadable(action, `it counts ${total} products and has ${all.length}, product ${only} not among them`);
  for (const pid of missing) found.push(...(await listed(transport, [pid], signal)));
  return found;
}
