/**
 * Which process this is, in words that another process of the same host can check. A process id alone is used again;
 * with its start time and the host's boot it is not.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Sender } from './contract';

/** @param instance made anew by each process. */
export function thisProcess(instance: string): Sender {
  return { instance, bootId: bootId(), pid: process.pid, startTime: statOf(process.pid)?.startTime ?? fallbackStart };
}

/**
 * Whether two senders count their processes in the same place, so that `isRunning` can tell of either. Not known where the
 * host tells no boot id: two hosts may have been started in the same second.
 */
export function sharesProcessIds(one: Pick<Sender, 'bootId'>, other: Pick<Sender, 'bootId'>): boolean {
  return one.bootId === other.bootId && upSince(one.bootId) === null;
}

/**
 * Whether two senders lived in the same boot of the same host, if in other containers. Where the host has no boot id,
 * within a minute.
 */
export function sameBoot(one: Pick<Sender, 'bootId'>, other: Pick<Sender, 'bootId'>): boolean {
  if (bootOf(one) === bootOf(other)) return true;
  const [a, b] = [upSince(one.bootId), upSince(other.bootId)];
  return a !== null && b !== null && Math.abs(a - b) <= 60;
}

/** What this host tells of its processes; tests put their own in its place. */
export interface Processes {
  /** Text of /proc/<pid>/stat; null where it cannot be read. */
  stat(pid: number): string | null;
  /** Sends signal 0. @throws an error with code ESRCH where there is no such process. */
  signal(pid: number): void;
}

const ofThisHost: Processes = {
  stat(pid) {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      return null;
    }
  },
  signal: (pid) => void process.kill(pid, 0),
};

/**
 * Whether a process of this boot still runs here; null where that can't be told, as where /proc hides the processes of
 * other users (hidepid, ProtectProc of systemd).
 */
export function isRunning(
  sender: Pick<Sender, 'pid' | 'startTime'>,
  processes: Processes = ofThisHost,
): boolean | null {
  if (process.platform !== 'linux') return null;
  const stat = statOf(sender.pid, processes);
  // Some process has this number, ours or another's.
  if (stat === null && hasNumber(sender.pid, processes)) return null;
  // A zombie has ended: it only waits to be counted by its parent.
  return stat !== null && stat.startTime === sender.startTime && stat.state !== 'Z' && stat.state !== 'X';
}

function hasNumber(pid: number, processes: Processes): boolean {
  // A signal to 0 or to less is one to a group of processes.
  if (pid <= 0) return false;
  try {
    processes.signal(pid);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

const fallbackPrefix = 'up-since-';

/** Seconds since 1970, for hosts without /proc; taken once, since the two clocks drift. */
const fallbackStart = String(Math.round(Date.now() / 1000 - process.uptime()));

/** The boot's id, then the namespace of its process ids: containers of one host share its boot and not their processes. */
function bootId(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${processIdSpace()}`.trim();
  } catch {
    return `${fallbackPrefix}${Math.round(Date.now() / 1000 - uptime())}`;
  }
}

function processIdSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** The boot id alone, alike in all containers of a host. */
export const bootOf = ({ bootId }: Pick<Sender, 'bootId'>): string => bootId.split(' ', 1)[0] ?? '';

function upSince(id: string): number | null {
  return id.startsWith(fallbackPrefix) ? Number(id.slice(fallbackPrefix.length)) : null;
}

/** Fields 3 (state) and 22 (start time, in ticks since boot) of /proc/<pid>/stat. The name before them may hold spaces and brackets. */
function statOf(pid: number, processes = ofThisHost): { state: string; startTime: string } | null {
  const stat = processes.stat(pid);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined ? null : { state, startTime };
}
