import type { AddOrderRequest } from './contract';
import type { FormFields } from './form';
import { encodeById } from './php-serialize';

/** The fields of AddOrder. All lists have one place for each item, so that what belongs together stays together. */
export function addOrderFields(request: AddOrderRequest): FormFields {
  const { items } = request;
  const column = <T extends string | number>(
    value: (item: (typeof items)[number]) => T | undefined,
  ): (T | undefined)[] | undefined => {
    const values = items.map(value);
    return values.some((one) => one !== undefined) ? values : undefined;
  };
  const quantities = items.some((item) => item.quantity > 1) ? items.map((item) => item.quantity) : undefined;
  return {
    clientid: request.clientId,
    paymentmethod: request.paymentMethod,
    pid: items.map((item) => item.pid),
    qty: quantities,
    billingcycle: items.map((item) => item.billingCycle),
    domain: column((item) => item.domain),
    hostname: column((item) => item.hostname),
    customfields: column((item) => item.customFields && encodeById(item.customFields)),
    configoptions: column((item) => item.configOptions && encodeById(item.configOptions)),
    priceoverride: column((item) => item.priceOverride),
    notes: request.notes,
    noinvoice: request.noInvoice,
    noinvoiceemail: request.noInvoiceEmail,
    noemail: request.noEmail,
  };
}
