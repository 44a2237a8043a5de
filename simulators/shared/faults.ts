import { z } from 'zod';

const ms = z.number().int().min(0).max(86_400_000);
const headers = z.record(z.string(), z.string());

/** What every simulator can do to a call over HTTP; see http-faults.ts for what the client sees. */
const commonKinds = {
  /** Close the connection without an answer (FIN); no work. */
  refuse: z.strictObject({ kind: z.literal('refuse') }),
  /** Wait, then go on (to the next fault that matches, or to the work). */
  delay: z.strictObject({ kind: z.literal('delay'), ms }),
  /** Accept and never answer; no work. */
  hang: z.strictObject({ kind: z.literal('hang') }),
  /** RST before any work. */
  reset: z.strictObject({ kind: z.literal('reset') }),
  /** This HTTP status; no work. */
  status: z.strictObject({
    kind: z.literal('status'),
    status: z.number().int().min(200).max(599),
    body: z.string().optional(),
    headers: headers.optional(),
  }),
  /** A page for people instead of JSON; with `commit` the work is done first. */
  html: z.strictObject({
    kind: z.literal('html'),
    page: z.enum(['maintenance', 'oops', 'cloudflare', 'badGateway']),
    /** Default: 503, 500, 403, 502. */
    status: z.number().int().min(200).max(599).optional(),
    commit: z.boolean().default(false),
  }),
  /** Do the work, send `bytes` of the body, then RST. */
  cut: z.strictObject({ kind: z.literal('cut'), bytes: z.number().int().min(0) }),
  /** Do the work, then RST without an answer. */
  commitThenDrop: z.strictObject({ kind: z.literal('commitThenDrop') }),
  /** Do the work, never answer. */
  commitThenHang: z.strictObject({ kind: z.literal('commitThenHang') }),
  /** RST now, do the work `ms` later (virtual time: the clock may be advanced). */
  commitLate: z.strictObject({ kind: z.literal('commitLate'), ms }),
  /** Do the work, put `text` before the body: a BOM, a PHP warning. */
  prefix: z.strictObject({ kind: z.literal('prefix'), text: z.string().min(1) }),
  /** Status 200 and 0 bytes; with `commit` the work is done first. */
  empty: z.strictObject({ kind: z.literal('empty'), commit: z.boolean().default(false) }),
  /** Answer this body with 200; no work. */
  json: z.strictObject({ kind: z.literal('json'), body: z.unknown(), status: z.number().int().optional() }),
};

/** What a fault does; vendors add kinds of their own. */
export type CommonDo = z.output<(typeof commonKinds)[keyof typeof commonKinds]>;

/** Whether `fault` is one of the kinds that http-faults.ts serves. */
export function isCommon(fault: { kind: string }): fault is CommonDo {
  return Object.hasOwn(commonKinds, fault.kind);
}

export interface Fault<Do> {
  /** A call's name as the simulator documents it, or `*` for all. */
  call: string;
  /** Fields of the request that must equal these. */
  where?: Record<string, string>;
  /** Matching calls that go by unharmed first. */
  skip: number;
  /** Calls to strike; 0: all. */
  times: number;
  do: Do;
}

/** A fault in the table. */
export type ListedFault<Do> = Fault<Do> & { id: string; hits: number };

interface Row<Do> {
  id: string;
  fault: Fault<Do>;
  seen: number;
  hits: number;
}

const outline = z.strictObject({
  call: z.string(),
  where: z.record(z.string(), z.string()).optional(),
  skip: z.number().int().min(0).default(0),
  times: z.number().int().min(0).default(1),
  do: z.looseObject({ kind: z.string() }),
});

/** Schemas of a vendor's own kinds, by kind. */
export type VendorKinds<V extends { kind: string }> = { [K in V['kind']]: z.ZodType<Extract<V, { kind: K }>> };

/**
 * The faults that are to strike. The oldest that matches strikes first; one that is used up stays listed with its hits.
 */
export class FaultTable<V extends { kind: string } = never> {
  private rows: Row<CommonDo | V>[] = [];
  private made = 0;
  private readonly kinds: Record<string, z.ZodType<unknown>>;

  /**
   * @param calls the names of calls; others are refused, so that a typing error cannot pass for "the fault did nothing".
   * @param vendorKinds schemas of the vendor's own kinds.
   */
  constructor(
    readonly calls: readonly string[],
    vendorKinds?: VendorKinds<V>,
  ) {
    this.kinds = { ...commonKinds, ...vendorKinds };
  }

  /**
   * Adds a fault; returns its id.
   * @throws Error that says which key, call or kind is not known.
   */
  add(input: unknown): string {
    const parsed = outline.safeParse(input);
    if (!parsed.success) throw new Error(readable('fault', parsed.error));
    const { call, do: what } = parsed.data;
    if (call !== '*' && !this.calls.includes(call)) {
      throw new Error(`fault: no call is named "${call}"; known: *, ${this.calls.join(', ')}`);
    }
    const schema = Object.hasOwn(this.kinds, what.kind) ? this.kinds[what.kind] : undefined;
    if (!schema) throw new Error(`fault: no kind "${what.kind}"; known: ${Object.keys(this.kinds).join(', ')}`);
    const action = schema.safeParse(what);
    if (!action.success) throw new Error(readable(`fault ${what.kind}`, action.error));
    const id = `f${++this.made}`;
    this.rows.push({ id, fault: { ...parsed.data, do: action.data as CommonDo | V }, seen: 0, hits: 0 });
    return id;
  }

  /**
   * The fault that strikes this call, counted as a hit; null: none.
   * @param struck ids that have already had their turn with this very call; the one returned is added.
   */
  take(call: string, fields: Readonly<Record<string, unknown>>, struck = new Set<string>()): (CommonDo | V) | null {
    for (const row of this.rows) {
      if (struck.has(row.id) || !matches(row.fault, call, fields)) continue;
      struck.add(row.id);
      row.seen++;
      if (row.seen <= row.fault.skip || (row.fault.times > 0 && row.hits >= row.fault.times)) continue;
      row.hits++;
      return row.fault.do;
    }
    return null;
  }

  list(): ListedFault<CommonDo | V>[] {
    return this.rows.map(({ id, fault, hits }) => ({ id, ...fault, hits }));
  }

  /** Removes one fault or all; false when there is none of that id. */
  remove(id?: string): boolean {
    const before = this.rows.length;
    this.rows = id === undefined ? [] : this.rows.filter((row) => row.id !== id);
    return id === undefined || this.rows.length < before;
  }
}

function matches(fault: Fault<unknown>, call: string, fields: Readonly<Record<string, unknown>>): boolean {
  if (fault.call !== '*' && fault.call.toLowerCase() !== call.toLowerCase()) return false;
  return Object.entries(fault.where ?? {}).every(([name, value]) => {
    const field = fields[name];
    return field !== undefined && field !== null && String(field) === value;
  });
}

/** A zod error on one line: where, and what is wrong. */
export function readable(subject: string, error: z.ZodError): string {
  const issues = error.issues.map((issue) =>
    issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message,
  );
  return `${subject}: ${issues.join('; ')}`;
}
