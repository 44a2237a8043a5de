/** A price book and a WHMCS in memory, for the coverage of a catalogue: what was asked of them is kept. */
import { runCoverage, type CoverageOptions, type CoverageParts } from '../../../lib/provisioning/coverage';
import type { CoverageReport } from '../../../lib/provisioning/coverage-report';
import { defaultFieldMapping } from '../../../lib/provisioning/field-mapping';
import type { PriceBook, PriceBookProduct, PriceBookQuery } from '../../../lib/salesforce/price-book-products';
import { WhmcsError, type Product } from '../../../lib/whmcs/contract';
import { FakeClock } from '../../fake-clock';
import { keptLog } from '../salesforce/org';

export const bookId = '01s000000000001AAA';

export class CatalogueUnderTest {
  readonly clock = new FakeClock();
  readonly log = keptLog();
  readonly products: PriceBookProduct[] = [];
  readonly sold = new Map<number, Product>();
  book: PriceBook = { id: bookId, name: 'Portal', isActive: true, isStandard: false };
  pageLength = 2_000;
  /** Of each product, one a currency. */
  entriesEach = 1;
  /** null: the API role may not ask. */
  currencies: string[] | null = ['USD', 'EUR'];
  currenciesFail = false;
  takesQuantities: boolean | null = true;
  /** What each call of GetProducts takes. */
  callMs = 0;
  /** Thrown by that call of GetProducts, counted from 1. */
  failing: { call: number; with: unknown } | null = null;
  readonly lists: number[][] = [];
  readonly queries: PriceBookQuery[] = [];
  readonly books: (string | null)[] = [];

  /** @returns its id. */
  add(productId: string | null, billingCycle: string | null, more: Partial<PriceBookProduct> = {}): string {
    const id = `01t${String(this.products.length + 1).padStart(12, '0')}AAA`;
    const name = `Product ${this.products.length + 1}`;
    const url = `https://acme.my.salesforce.com/${id}`;
    this.products.push({ id, name, code: null, url, productId, billingCycle, fields: {}, ...more });
    return id;
  }

  sell(pid: number, more: Partial<Product> = {}): void {
    const prices = { USD: { monthly: '10.00' }, EUR: { monthly: '9.00' } };
    const usual: Product = {
      ...{ pid, name: `WHMCS ${pid}`, module: '', payType: 'recurring', allowQuantity: 2, stock: null, prices },
    };
    this.sold.set(pid, { ...usual, ...more });
  }

  /** One that is right. */
  addSold(pid: number, more: Partial<PriceBookProduct> = {}): string {
    this.sell(pid);
    return this.add(String(pid), 'Monthly', more);
  }

  run(options: Partial<CoverageOptions> = {}, fields: Partial<CoverageParts['fields']> = {}): Promise<CoverageReport> {
    return runCoverage(this.parts(fields), { pricebookId: bookId, ...options });
  }

  private parts(fields: Partial<CoverageParts['fields']>): CoverageParts {
    const { clock, log } = this;
    return {
      salesforce: {
        priceBook: (id) => {
          this.books.push(id);
          return Promise.resolve(this.book);
        },
        priceBookProducts: (query) => this.pages(query),
      },
      whmcs: {
        getCurrencies: () =>
          this.currencies && !this.currenciesFail
            ? Promise.resolve(this.currencies)
            : Promise.reject(this.currenciesFail ? unreachable() : refusedByRole()),
        getProducts: async (pids) => {
          this.lists.push(pids);
          await this.clock.advance(this.callMs);
          if (this.failing?.call === this.lists.length) throw this.failing.with;
          return pids.flatMap((pid) => this.sold.get(pid) ?? []);
        },
      },
      catalogue: { takesQuantities: () => Promise.resolve(this.takesQuantities) },
      fields: { ...defaultFieldMapping, ...fields },
      clock,
      log,
    };
  }

  private async *pages(query: PriceBookQuery) {
    this.queries.push(query);
    const total = this.products.length;
    for (let read = 0; read < total || total === 0;) {
      const products = this.products.slice(read, read + this.pageLength);
      read += products.length;
      yield await Promise.resolve({
        products,
        entries: { total: total * this.entriesEach, read: read * this.entriesEach },
      });
      if (total === 0) return;
    }
  }
}

export const refusedByRole = (): WhmcsError =>
  new WhmcsError('GetCurrencies', { kind: 'refused', fault: 'role', message: 'Invalid Permissions' });

const unreachable = (): WhmcsError =>
  new WhmcsError('GetCurrencies', {
    kind: 'unknown',
    code: 'ETIMEOUT',
    message: 'no answer within 30 s',
    edge: false,
  });
