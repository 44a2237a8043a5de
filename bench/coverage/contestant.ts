/** What every contestant of the catalogue's coverage is told and tells. */
import { z } from 'zod';
import { silentLog } from '../../lib/log';
import { connect, type Connected } from '../../scripts/coverage/environment';

export const measured = z.object({
  products: z.number(),
  seconds: z.number(),
  /** Most memory that the process ever had, MB. */
  peakRssMb: z.number(),
  /** Longest answer of WHMCS, KB; null: not looked at. */
  longestAnswerKb: z.number().nullable(),
});
export type Measured = z.infer<typeof measured>;

/** Runs it on the connections of the environment, and tells the parent by the last line of its output. */
export function contend(
  run: (connected: Connected & { pricebookId: string }) => Promise<Pick<Measured, 'products' | 'longestAnswerKb'>>,
): void {
  const connected = connect(process.env, silentLog);
  const from = performance.now();
  run({ ...connected, pricebookId: connected.pricebookId ?? '' }).then(
    (told) => {
      const seconds = (performance.now() - from) / 1_000;
      const peakRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
      console.log(JSON.stringify({ ...told, seconds, peakRssMb }));
      connected.close();
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}
