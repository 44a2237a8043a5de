/** A wait for what real I/O brings about, which no clock of ours moves. Long, since a busy machine is no fault of the product. */
const limitMs = 30_000;

/** Looks again every few ms until it is so. @throws with what it waited for; the cause is what the last look threw. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, everyMs = 4): Promise<void> {
  const end = performance.now() + limitMs;
  for (;;) {
    let last: unknown = null;
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) throw new Error(`not within ${limitMs / 1_000} s: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
