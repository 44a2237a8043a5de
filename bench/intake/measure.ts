/** What one run of a bench process tells its parent: the last line of its output, as JSON. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { z } from 'zod';

export const measured = z.object({
  events: z.number(),
  seconds: z.number(),
  /** Most memory that the process ever had, MB. */
  peakRssMb: z.number(),
  /** Heap after a collection, at a tenth, at half and at the end, MB. */
  heapMb: z.array(z.number()),
});
export type Measured = z.infer<typeof measured>;

/** Counts events from the first to the last, and looks at the heap on the way. */
export class Counting {
  events = 0;
  private began = 0;
  private readonly heapMb: number[] = [];
  private resolve!: (value: Measured) => void;
  readonly done = new Promise<Measured>((resolve) => (this.resolve = resolve));

  constructor(private readonly total: number) {}

  one(): void {
    if (this.events === 0) this.began = performance.now();
    this.events += 1;
    if ([0.1, 0.5, 1].some((part) => this.events === Math.round(this.total * part))) {
      collectGarbage();
      this.heapMb.push(Math.round(process.memoryUsage().heapUsed / 2 ** 20));
    }
    if (this.events !== this.total) return;
    const seconds = (performance.now() - this.began) / 1_000;
    const peakRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
    this.resolve({ events: this.events, seconds, peakRssMb, heapMb: this.heapMb });
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
