/** What a run over the catalogue found: data, the same for a message, JSON, CSV and text. */
import type { PriceBook } from '../salesforce/price-book-products';
import type { BillingCycle } from '../whmcs/contract';
import type { Owner } from './error-codes';

/**
 * - fault: an Order with this Product ends as MAPPING_INCOMPLETE; of no Product: the mapping itself is wrong, and Orders go
 *   on without what it is to feed.
 * - warning: the Order goes on, and a person should look.
 * - information: nothing is wrong.
 */
export const severities = ['fault', 'warning', 'information'] as const;
export type Severity = (typeof severities)[number];

/** A Product of Salesforce, as a person finds it again. Its name comes from outside and may hold anything. */
export interface CoveredProduct {
  id: string;
  name: string;
  code: string | null;
  /** A page to open in Salesforce. */
  url: string;
}

export interface Finding {
  severity: Severity;
  code: string;
  message: string;
  fix: string;
  owner: Owner;
  /** null: it is of the mapping, not of a product. */
  product: CoveredProduct | null;
  /** Of the WHMCS product; null where none is named. */
  pid: number | null;
  billingCycle: BillingCycle | null;
}

export interface CoverageReport {
  /** No fault, of the mapping neither, and at least one product was looked at. */
  ok: boolean;
  /** ISO, UTC. */
  startedAt: string;
  seconds: number;
  priceBook: PriceBook;
  /** In which prices were looked at, codes such as USD; empty: WHMCS did not say, and each product was checked in those that its own price list has. */
  currencies: string[];
  totals: {
    /** Active ones, each counted once. */
    products: number;
    /** Without a fault; warnings and informations do not count. */
    good: number;
    faulty: number;
    /** Of these, with no fault but CURRENCY_NOT_PRICED: clients of other currencies can order them. */
    notInEveryCurrency: number;
    /** Findings by severity. */
    findings: Record<Severity, number>;
    /** Findings by code, the most frequent first. */
    codes: { code: string; severity: Severity; owner: Owner; findings: number; fix: string }[];
    /** Faults alone. */
    owners: Partial<Record<Owner, number>>;
  };
  /** What the whole run should be read with, in plain sentences. */
  notes: string[];
  /** Faults first, then warnings, then informations; in each those of the mapping, then by product name. */
  findings: Finding[];
}

/**
 * The findings in the report's order, and counted.
 * @param usualFix of a code, where the fixes of its findings differ.
 */
export function summed(
  findings: readonly Finding[],
  usualFix: (code: string) => string | undefined,
): Pick<CoverageReport, 'findings'> & Pick<CoverageReport['totals'], 'codes' | 'owners'> & { counts: Counts } {
  const byName = new Intl.Collator('en', { numeric: true });
  const rank = ({ severity }: { severity: Severity }): number => severities.indexOf(severity);
  const sorted = [...findings].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      byName.compare(a.product?.name ?? '', b.product?.name ?? '') ||
      byName.compare(a.product?.id ?? '', b.product?.id ?? ''),
  );
  const counts: Counts = { fault: 0, warning: 0, information: 0 };
  const codes = new Map<string, CoverageReport['totals']['codes'][number]>();
  const owners: CoverageReport['totals']['owners'] = {};
  for (const { severity, code, owner, fix } of sorted) {
    counts[severity] += 1;
    if (severity === 'fault') owners[owner] = (owners[owner] ?? 0) + 1;
    const same = codes.get(code) ?? { code, severity, owner, findings: 0, fix };
    same.findings += 1;
    if (same.fix !== fix) same.fix = usualFix(code) ?? same.fix;
    codes.set(code, same);
  }
  return {
    findings: sorted,
    counts,
    codes: [...codes.values()].sort((a, b) => rank(a) - rank(b) || b.findings - a.findings),
    owners,
  };
}

type Counts = Record<Severity, number>;
