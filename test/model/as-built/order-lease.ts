/**
 * The lease of one order, and two threads that work on it: of two processes, or of one.
 * Mirrors `HeldOrder` (lib/provisioning/held-order.ts) and `Leases` (lib/state/contract.ts): each acquisition raises the
 * fence; a lease that has run out is still good until another has taken it; a write under an older fence is refused.
 * Processes may be killed, and paused until their lease has run out, as often as they like.
 */
import type { Go } from '../explorer';

export type Thread = 'A' | 'B';
export const threads: readonly Thread[] = ['A', 'B'];

export interface Lease {
  holder: Thread | '';
  /** Whoever has the highest fence. */
  latest: Thread | '';
}

export interface LeaseOptions {
  /** Both threads are of one process. */
  oneProcess?: boolean;
  /** No process is killed, none paused for long: for models that have enough to walk without. */
  calm?: boolean;
}

export const newLease = (): Lease => ({ holder: '', latest: '' });

export function acquire(lease: Lease, thread: Thread): void {
  lease.holder = thread;
  lease.latest = thread;
}

export function release(lease: Lease, thread: Thread): void {
  if (lease.holder === thread) lease.holder = '';
}

/** Takes and gives back the lease for one write in between, by a third. */
export function inBetween(lease: Lease): void {
  lease.holder = '';
  lease.latest = '';
}

/** `onDeath` is told the threads that died; they start again. `idle`: nothing would be lost with it. */
export function leaseFaults<S extends { lease: Lease }>(
  state: S,
  { oneProcess, calm }: LeaseOptions,
  go: Go<S>,
  idle: (thread: Thread) => boolean,
  onDeath: (next: S, dead: readonly Thread[]) => void,
): void {
  const { holder } = state.lease;
  if (calm) return;
  if (holder) go(`~${holder} is paused, and its lease runs out`, ({ lease }) => release(lease, holder));
  for (const dead of oneProcess ? [threads] : threads.map((one) => [one])) {
    if (dead.every(idle)) continue;
    go(`~kill -9 of ${dead.join(' and ')}`, (next) => {
      onDeath(next, dead);
      // Its lease runs out, and another takes it. It comes back as another process.
      for (const one of dead) {
        release(next.lease, one);
        if (next.lease.latest === one) next.lease.latest = '';
      }
    });
  }
}
