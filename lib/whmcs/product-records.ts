/** What GetProducts answers, as products of the contract. */
import { z } from 'zod';
import type { BillingCycle, ConfigOption, Product } from './contract';
import { flag, listOf, money, optionalCount, text, whole } from './loose-values';

const recurring = [
  'monthly',
  'quarterly',
  'semiannually',
  'annually',
  'biennially',
  'triennially',
] as const satisfies readonly BillingCycle[];

const pricing = z.record(z.string(), z.unknown());

/** By number, as GetProducts tells them, and by name, as services do. */
const kinds: Readonly<Record<string, ConfigOption['kind']>> = {
  '1': 'choice',
  dropdown: 'choice',
  '2': 'choice',
  radio: 'choice',
  '3': 'yesno',
  yesno: 'yesno',
  '4': 'quantity',
  quantity: 'quantity',
};

/** Yes or no, and a quantity, have one choice that is their own name. A quantity of 0 at most has no bound. */
const configOption = z
  .object({
    id: whole,
    name: text,
    type: text,
    minqty: optionalCount.catch(null),
    maxqty: optionalCount.catch(null),
    options: listOf(
      z.object({ id: whole, name: text }).transform(({ id, name }) => ({ id, name })),
      'option',
    ),
  })
  .transform((row): ConfigOption => {
    const kind = kinds[row.type.toLowerCase()] ?? (row.options.length > 1 ? 'choice' : null);
    const isQuantity = kind === 'quantity';
    return {
      id: row.id,
      name: row.name,
      kind,
      choices: kind === 'choice' ? row.options : [],
      least: isQuantity ? row.minqty : null,
      most: isQuantity ? row.maxqty || null : null,
    };
  });

/** Told as nothing, in whatever form, is none; not told at all, or in a form that is not known, is null. */
const configOptions = z.union([z.undefined().transform(() => null), listOf(configOption, 'configoption')]).catch(null);

const product = z
  .object({
    pid: whole,
    name: text,
    module: text,
    paytype: text,
    allowqty: optionalCount,
    // Oversold, it may be below zero.
    quantity_available: optionalCount.catch(0),
    stockcontrol: flag,
    hidden: flag,
    configoptions: configOptions,
    retired: flag,
    pricing: z.preprocess((value) => (Array.isArray(value) || value === '' ? {} : (value ?? {})), pricing),
  })
  .transform((row): Product => ({
    pid: row.pid,
    name: row.name,
    module: row.module,
    payType: row.paytype.toLowerCase(),
    allowQuantity: row.allowqty === 0 || row.allowqty === 1 || row.allowqty === 2 ? row.allowqty : null,
    // Where stock control is not told, 0 is also what a product without it has.
    stock: row.stockcontrol === false ? null : row.quantity_available || (row.stockcontrol ? 0 : null),
    ...(row.configoptions === null ? {} : { configOptions: row.configoptions }),
    ...(row.retired ? { withdrawn: 'retired' as const } : row.hidden ? { withdrawn: 'hidden' as const } : {}),
    prices: Object.fromEntries(
      Object.entries(row.pricing).map(([currency, prices]) => [currency, pricesOf(row.paytype.toLowerCase(), prices)]),
    ),
  }));

/** What a product costs in one currency. The price of a one-time product stands under `monthly`; -1.00 is not offered. */
function pricesOf(payType: string, listed: unknown): Partial<Record<BillingCycle, string>> {
  if (payType === 'free') return { free: '0.00' };
  const row = typeof listed === 'object' && listed !== null ? (listed as Record<string, unknown>) : {};
  const offered = (cycle: BillingCycle): string | null => {
    const price = money.safeParse(row[cycle]);
    return price.success && price.data !== '' && Number(price.data) >= 0 ? price.data : null;
  };
  if (payType === 'onetime') {
    const price = offered('monthly');
    return price === null ? {} : { onetime: price };
  }
  return Object.fromEntries(
    recurring.flatMap((cycle) => {
      const price = offered(cycle);
      return price === null ? [] : [[cycle, price]];
    }),
  );
}

export const products = z.object({ products: listOf(product, 'product') }).transform((answer) => answer.products);
