/** What WHMCS sells, remembered for a few minutes: many orders ask for the same. */
import type { Clock } from '../clock';
import { WhmcsError, type Gateway, type Product, type Whmcs } from './contract';

const maxAgeMs = 300_000;
const maxProducts = 500;

interface Kept<T> {
  value: T;
  /** Monotonic ms. */
  at: number;
}

/**
 * Bounded, and never older than five minutes; what it lacks is read. A product that counts its stock is read each time.
 * `fresh` reads anew what it has, too.
 */
export class Catalogue {
  private readonly kept = new Map<number, Kept<Product>>();
  private keptGateways: Kept<Gateway[]> | null = null;
  private keptVersion: Kept<string | null> | null = null;

  constructor(
    private readonly whmcs: Pick<Whmcs, 'getProducts' | 'getPaymentMethods' | 'version'>,
    private readonly clock: Clock,
  ) {}

  /**
   * The products of these ids; one that is missing is unknown to WHMCS.
   * @throws WhmcsError
   */
  async products(
    pids: readonly number[],
    signal?: AbortSignal,
    options: { fresh?: boolean } = {},
  ): Promise<ReadonlyMap<number, Product>> {
    const wanted = [...new Set(pids)];
    const found = new Map<number, Product>();
    for (const pid of options.fresh ? [] : wanted) {
      const kept = this.current(this.kept.get(pid));
      if (kept) found.set(pid, kept.value);
    }
    const missing = wanted.filter((pid) => !found.has(pid));
    if (missing.length === 0) return found;
    for (const pid of missing) this.kept.delete(pid);
    const at = this.clock.monotonic();
    for (const product of await this.whmcs.getProducts(missing, signal)) {
      found.set(product.pid, product);
      this.keep(product, at);
    }
    return found;
  }

  /** The active payment gateways. @throws WhmcsError */
  async gateways(signal?: AbortSignal, options: { fresh?: boolean } = {}): Promise<Gateway[]> {
    const kept = options.fresh ? null : this.current(this.keptGateways);
    if (kept) return kept.value;
    const at = this.clock.monotonic();
    const value = await this.whmcs.getPaymentMethods(signal);
    this.keptGateways = { value, at };
    return value;
  }

  /**
   * Whether AddOrder takes quantities here: it does since 8.12, and ignores them before. null: the API role may not tell.
   * @throws WhmcsError
   */
  async takesQuantities(signal?: AbortSignal): Promise<boolean | null> {
    const at = this.clock.monotonic();
    try {
      this.keptVersion = this.current(this.keptVersion) ?? { value: await this.whmcs.version(signal), at };
    } catch (error) {
      if (error instanceof WhmcsError && error.end.kind === 'refused' && error.end.fault === 'role') return null;
      throw error;
    }
    const version = this.keptVersion.value;
    if (version === null) return false;
    const [major = 0, minor = 0] = version.split('.').map((part) => parseInt(part, 10));
    return major > 8 || (major === 8 && minor >= 12);
  }

  private current<T>(kept: Kept<T> | null | undefined): Kept<T> | null {
    return kept && this.clock.monotonic() - kept.at < maxAgeMs ? kept : null;
  }

  private keep(product: Product, at: number): void {
    // A count of a minute ago says nothing.
    if (product.stock !== null) return;
    this.kept.set(product.pid, { value: product, at });
    const [oldest] = this.kept.keys();
    if (this.kept.size > maxProducts && oldest !== undefined) this.kept.delete(oldest);
  }
}
