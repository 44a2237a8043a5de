/**
 * The same reading without a check, by plain fetch: how a script would ask WHMCS. The argument says how many products one
 * call asks for: a number, or `all` for one call without a list, which WHMCS answers with everything that it sells.
 */
import { contend } from './contestant';

const [way = 'all'] = process.argv.slice(2);

async function getProducts(pids: readonly string[] | null): Promise<number> {
  const { WHMCS_URL = '', WHMCS_API_IDENTIFIER = '', WHMCS_API_SECRET = '' } = process.env;
  const fields = { action: 'GetProducts', responsetype: 'json' };
  const credentials = { identifier: WHMCS_API_IDENTIFIER, secret: WHMCS_API_SECRET };
  const body = new URLSearchParams({ ...fields, ...credentials, ...(pids === null ? {} : { pid: pids.join(',') }) });
  const text = await (await fetch(`${WHMCS_URL}/includes/api.php`, { method: 'POST', body })).text();
  if ((JSON.parse(text) as { result?: string }).result !== 'success') throw new Error(text.slice(0, 200));
  return text.length;
}

contend(async ({ parts, pricebookId }) => {
  const query = { pricebookId, productId: 'WH_Product_ID__c', billingCycle: 'Billing_Cycle__c', further: [] };
  const pids = new Set<string>();
  let products = 0;
  for await (const page of parts.salesforce.priceBookProducts(query)) {
    products += page.products.length;
    for (const { productId } of page.products) if (/^\d+$/.test(productId ?? '')) pids.add(productId ?? '');
  }
  let longest = 0;
  if (way === 'all') longest = await getProducts(null);
  else {
    const all = [...pids];
    const atOnce = Number(way);
    for (let at = 0; at < all.length; at += atOnce)
      longest = Math.max(longest, await getProducts(all.slice(at, at + atOnce)));
  }
  return { products, longestAnswerKb: Math.round(longest / 1024) };
});
