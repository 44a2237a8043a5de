/** Whether what the mapping feeds is an option of anything that is sold: the whole catalogue alone shows that. Pure. */
import type { Product } from '../whmcs/contract';
import type { Finding } from './coverage-report';
import type { FieldMapping } from './field-mapping';

const fix =
  'Correct the id under "Config options" on mapping check, or take it out. If its products are in another price book, check that one.';

/**
 * An order leaves an option out that its product does not have, since it may be another product's. An id that is of none
 * would so be left out of each without a word. Custom fields cannot be looked at like this: WHMCS tells those of the order
 * form alone (reference whmcs §1.5).
 */
export class MappedOptions {
  /** Of no product by now: paths by id. */
  private readonly left: Map<number, string>;
  private seen = false;
  private allTell = true;

  constructor({ configOptions }: FieldMapping) {
    this.left = new Map(Object.entries(configOptions).map(([id, path]) => [Number(id), path]));
  }

  /** A product of WHMCS that one of the catalogue names. */
  see({ configOptions }: Product): void {
    this.seen = true;
    if (configOptions === undefined) this.allTell = false;
    for (const { id } of configOptions ?? []) this.left.delete(id);
  }

  /** Once all are seen: a finding for each option that none has; where WHMCS does not tell them all, a note instead. */
  end(): { findings: Finding[]; notes: string[] } {
    if (!this.seen || this.left.size === 0) return { findings: [], notes: [] };
    const ids = [...this.left.keys()].join(', ');
    const note = `WHMCS does not tell the options of all products: whether the mapping names right ones (${ids}) was not checked.`;
    if (!this.allTell) return { findings: [], notes: [note] };
    const findings = [...this.left].map(([id, path]): Finding => ({
      severity: 'fault',
      code: 'OPTION_UNKNOWN',
      message: `no checked product has option ${id} in WHMCS: Orders go on without what ${path} says`,
      fix,
      owner: 'Development team',
      product: null,
      pid: null,
      billingCycle: null,
    }));
    return { findings, notes: [] };
  }
}
