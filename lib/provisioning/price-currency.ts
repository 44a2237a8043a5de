/** In which currency a price override is, and in which the WHMCS client pays. Pure. */
import { furtherField } from '../salesforce/further-fields';
import type { FieldMapping, ItemFields } from './field-mapping';
import type { Faults } from './mapping-faults';
import type { ClientPart, OrderPart } from './message';

type Item = OrderPart['items'][number];

/**
 * Where an org of several currencies tells in which one a price is: on the record that holds it. An item and its price book
 * entry are in the Order's. Reading it is no fault where the org has one currency (see `readOrder`).
 */
export function currencyPath(pricePath: string): string {
  const object = furtherField(pricePath)?.object ?? 'Order';
  return `${object === 'Account' || object === 'Product2' ? object : 'Order'}.CurrencyIsoCode`;
}

/** The currencies that are to be read for a mapping. */
export const currencyPaths = ({ priceOverride }: FieldMapping): string[] =>
  priceOverride === null ? [] : [currencyPath(priceOverride)];

/** WHMCS takes the number as one of the client's own currency. Where Salesforce tells none there is nothing to compare. */
export function checkCurrency(
  item: Pick<Item, 'fields'>,
  { priceOverride: price }: ItemFields,
  { priceOverride: path }: FieldMapping,
  client: Pick<ClientPart, 'id' | 'currency'>,
  faults: Faults,
): void {
  if (path === null || price === undefined) return;
  const told = item.fields?.[currencyPath(path)]?.trim().toUpperCase() ?? '';
  const pays = client.currency.trim().toUpperCase();
  if (told !== '' && pays !== '' && told !== pays)
    faults.tell('CURRENCY_DIFFERS', `${path} is in ${told}, but WHMCS client ${client.id} pays in ${pays}`);
}
