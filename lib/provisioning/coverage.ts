/**
 * Catalogue coverage: every active product of a price book checked against WHMCS before anybody orders it. Reads alone; no
 * call has an effect. It ends with a report of the whole, or with an error: never with a part that looks like the whole.
 */
import type { Clock } from '../clock';
import type { Log } from '../log';
import { isOfPriceBook, readingsOf, type PriceBookProduct, type PriceBooks } from '../salesforce/price-book-products';
import type { Catalogue } from '../whmcs/catalogue';
import type { WhmcsConnection } from '../whmcs/connection';
import { WhmcsError, type Product } from '../whmcs/contract';
import { checkOne, covered, sameInWhmcs, type Selling, type Target } from './coverage-check';
import { coverageFailure } from './coverage-failure';
import { MappedOptions } from './coverage-options';
import { summed, type CoverageReport, type CoveredProduct, type Finding } from './coverage-report';
import { Failure, failure } from './failure';
import { furtherPaths, type FieldMapping } from './field-mapping';
import { mappingFaults } from './mapping-faults';
import { pidOf } from './product-check';

export interface CoverageParts {
  salesforce: PriceBooks;
  /** Asked itself, past the catalogue's memory: what was mended a minute ago must show. */
  whmcs: Pick<WhmcsConnection, 'getProducts' | 'getCurrencies'>;
  catalogue: Pick<Catalogue, 'takesQuantities'>;
  /** As the node *mapping check* has it. */
  fields: FieldMapping;
  clock: Clock;
  log: Log;
}

export interface CoverageProgress {
  /** Products looked at by now. */
  checked: number;
  /** Of so many; fewer in the end where Products have several entries, one for each currency. */
  total: number;
  faulty: number;
}

export interface CoverageOptions {
  /** 15 or 18 characters; null: the standard price book, which has every product that can be sold. */
  pricebookId: string | null;
  /** Codes of the currencies that clients have; null: all that WHMCS has. */
  currencies?: readonly string[] | null;
  signal?: AbortSignal | undefined;
  /** Called after each call to WHMCS; must not throw. */
  onProgress?: ((progress: CoverageProgress) => void) | undefined;
}

/** WHMCS pays for each product of a list, so lists stay as short as those of orders (`getProducts`). */
const pidsAtOnce = 100;
/** Products that wait for one call; more of them name the same few. */
const mostWaiting = 2_000;
/** Of WHMCS, kept for the next that names them; the oldest go. */
const mostKept = 5_000;
const mostProducts = 100_000;

/**
 * One call of GetCurrencies, one of WhmcsDetails, and one of GetProducts for each hundred products of WHMCS; one query for
 * each two thousand entries of the price book. One call at a time: orders go on beside it.
 * @throws Failure with code, owner and fix when the catalogue cannot be read to its end; the signal's reason.
 */
export async function runCoverage(parts: CoverageParts, options: CoverageOptions): Promise<CoverageReport> {
  const run = new Run(parts, options);
  try {
    return await run.toEnd();
  } catch (error) {
    options.signal?.throwIfAborted();
    throw coverageFailure(error, run.progress);
  }
}

class Run {
  progress: CoverageProgress = { checked: 0, total: 0, faulty: 0 };
  private notInEveryCurrency = 0;
  private readonly findings: Finding[] = [];
  private readonly notes: string[] = [];
  /** null: unknown to WHMCS. */
  private readonly kept = new Map<number, Product | null>();
  private readonly pids = new Set<number>();
  private readonly targets = new Map<string, Target & { products: CoveredProduct[] }>();
  private readonly mappedOptions: MappedOptions;
  private waiting: PriceBookProduct[] = [];

  constructor(
    private readonly parts: CoverageParts,
    private readonly options: CoverageOptions,
  ) {
    this.mappedOptions = new MappedOptions(parts.fields);
  }

  async toEnd(): Promise<CoverageReport> {
    const { salesforce, clock, fields, log } = this.parts;
    const { signal, pricebookId } = this.options;
    const startedAt = new Date(clock.now()).toISOString();
    const from = clock.monotonic();
    const cycleKnown = this.readable();
    const priceBook = await salesforce.priceBook(pricebookId, signal);
    if (!priceBook.isActive) this.notes.push('The price book is not active: no new Order can use it.');
    const currencies = await this.currencies();
    const takesQuantities = await this.takesQuantities();
    const query = {
      pricebookId: priceBook.id,
      productId: fields.productId,
      billingCycle: cycleKnown ? fields.billingCycle : null,
      further: furtherPaths(fields).filter(isOfPriceBook),
    };
    const selling = { currencies, takesQuantities, cycleKnown };
    let taken = 0;
    for await (const page of salesforce.priceBookProducts(query, signal)) {
      const { total, read } = page.entries;
      if (total > mostProducts) throw tooMany(total);
      taken += page.products.length;
      this.progress = { ...this.progress, total: total - (read - taken) };
      for (const product of page.products) await this.take(product, selling);
    }
    await this.checkWaiting(selling);
    if (this.progress.checked === 0) this.notes.push('The price book has no active product: nothing was checked.');
    for (const { products, ...target } of this.targets.values())
      this.findings.push(...sameInWhmcs(target, products, fields));
    const ofOptions = this.mappedOptions.end();
    this.findings.push(...ofOptions.findings);
    this.notes.push(...ofOptions.notes);
    const seconds = Math.round((clock.monotonic() - from) / 100) / 10;
    const report = this.report({ startedAt, seconds, priceBook, currencies: currencies ?? [] });
    const { products, faulty } = report.totals;
    log.info('The catalogue was checked against WHMCS', { products, faulty, seconds });
    return report;
  }

  /** @returns whether the cycle is known beforehand. @throws Failure when not even the product is. */
  private readable(): boolean {
    const { productId, billingCycle } = this.parts.fields;
    if (!isOfPriceBook(productId)) {
      const text = `The WHMCS product is read from ${productId}: it is known with each Order alone, so the catalogue cannot be checked`;
      throw failure('SETTING_INVALID', text, 'mapping');
    }
    if (isOfPriceBook(billingCycle)) return true;
    this.notes.push(
      `The billing cycle is read from ${billingCycle}: it is known with each Order alone and was not checked.`,
    );
    return false;
  }

  /** In which prices are looked at. */
  private async currencies(): Promise<string[] | null> {
    const asked = [...new Set((this.options.currencies ?? []).map((code) => code.trim().toUpperCase()))];
    const all = await this.allCurrencies();
    if (asked.length === 0) {
      if (all === null)
        this.notes.push(
          'WHMCS does not tell its currencies (tick GetCurrencies in the API role): each product was checked in those that its own price list has.',
        );
      return all;
    }
    if (all === null) return asked;
    const unknown = asked.filter((code) => !all.includes(code));
    if (unknown.length > 0) {
      const text = `WHMCS has no currency ${unknown.join(', ')}; it has ${all.join(', ')}`;
      throw notAsAsked(text, 'Name currencies that WHMCS has, then check the catalogue again.');
    }
    const left = all.filter((code) => !asked.includes(code));
    if (left.length > 0)
      this.notes.push(`Prices in ${left.join(', ')} were not looked at: only ${asked.join(', ')} was asked for.`);
    return asked;
  }

  /** null: the API role may not ask. */
  private async allCurrencies(): Promise<string[] | null> {
    try {
      return await this.parts.whmcs.getCurrencies(this.options.signal);
    } catch (error) {
      if (!isNotAllowed(error)) throw error;
      return null;
    }
  }

  private async takesQuantities(): Promise<boolean | null> {
    const takes = await this.parts.catalogue.takesQuantities(this.options.signal);
    if (takes === false)
      this.notes.push(
        'This WHMCS takes no quantities (they came with 8.12): each unit of an Order becomes a line and a service of its own.',
      );
    return takes;
  }

  private async take(product: PriceBookProduct, selling: Omit<Selling, 'known'>): Promise<void> {
    this.waiting.push(product);
    for (const { productId } of readingsOf(product)) {
      const pid = pidOf(productId);
      if (pid !== null && !this.kept.has(pid)) this.pids.add(pid);
    }
    if (this.pids.size >= pidsAtOnce || this.waiting.length >= mostWaiting) await this.checkWaiting(selling);
  }

  private async checkWaiting(selling: Omit<Selling, 'known'>): Promise<void> {
    const { waiting, pids } = this;
    const { fields, whmcs } = this.parts;
    this.options.signal?.throwIfAborted();
    if (pids.size > 0) {
      for (const pid of pids) this.kept.set(pid, null);
      for (const product of await whmcs.getProducts([...pids], this.options.signal)) {
        this.kept.set(product.pid, product);
        this.mappedOptions.see(product);
      }
    }
    const known = sold(waiting, this.kept);
    let { faulty } = this.progress;
    for (const product of waiting) {
      const { targets, findings, inSomeCurrencies } = checkOne(product, { ...selling, known }, fields);
      this.findings.push(...findings);
      if (findings.some(({ severity }) => severity === 'fault')) faulty += 1;
      if (inSomeCurrencies) this.notInEveryCurrency += 1;
      for (const { pid, billingCycle } of targets) {
        if (pid === null || billingCycle === null || !known.has(pid)) continue;
        const key = `${pid} ${billingCycle}`;
        const target = this.targets.get(key) ?? { pid, billingCycle, products: [] };
        target.products.push(covered(product));
        this.targets.set(key, target);
      }
    }
    this.progress = { ...this.progress, checked: this.progress.checked + waiting.length, faulty };
    this.waiting = [];
    pids.clear();
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= mostKept) break;
      this.kept.delete(oldest);
    }
    if (waiting.length > 0) this.options.onProgress?.(this.progress);
  }

  private report(about: Pick<CoverageReport, 'startedAt' | 'seconds' | 'priceBook' | 'currencies'>): CoverageReport {
    const fixes = new Map(mappingFaults(this.parts.fields).map(({ code, fix }) => [code, fix]));
    const { findings, counts, codes, owners } = summed(this.findings, (code) => fixes.get(code));
    const { checked: products, faulty } = this.progress;
    const { notInEveryCurrency } = this;
    const totals = { products, good: products - faulty, faulty, notInEveryCurrency, findings: counts, codes, owners };
    return { ok: products > 0 && counts.fault === 0, ...about, totals, notes: this.notes, findings };
  }
}

const sold = (
  waiting: readonly PriceBookProduct[],
  kept: ReadonlyMap<number, Product | null>,
): ReadonlyMap<number, Product> =>
  new Map(
    waiting.flatMap(readingsOf).flatMap(({ productId }) => {
      const product = kept.get(pidOf(productId) ?? 0);
      return product ? [[product.pid, product] as const] : [];
    }),
  );

const tooMany = (total: number): Failure =>
  notAsAsked(
    `The price book has ${total} active entries; ${mostProducts} are checked at most`,
    'Name a smaller price book, then check the catalogue again.',
  );

const notAsAsked = (message: string, fix: string): Failure =>
  new Failure('SETTING_INVALID', message, 'mapping', {
    describe: { owner: 'Development team', retryable: false, fix },
  });

/** The role does not list it, or this WHMCS does not have it. */
const isNotAllowed = (error: unknown): boolean =>
  error instanceof WhmcsError &&
  error.end.kind === 'refused' &&
  (error.end.fault === 'role' || error.end.fault === 'action');
