import type { StateStore } from '../../../lib/state/contract';

export interface OpenStore {
  store: StateStore;
  /** Lets time pass for leases; never more than a second where the engine's clock can't be turned. */
  elapse(ms: number): Promise<void>;
}

/** What the contract's suite needs of an engine. A place is a directory, or a part of a Redis server. */
export interface EngineUnderTest {
  name: string;
  /** Absolute path of a module that exports `openInChild`, for the processes that the suite starts and kills. */
  childModule: string;
  /** Whether a place belongs to one process at a time. */
  oneProcess: boolean;
  newPlace(): Promise<string>;
  forgetPlace(place: string): Promise<void>;
  open(place: string, instance: string): Promise<OpenStore>;
}

/** Exported by `childModule`. */
export type OpenInChild = (place: string, instance: string) => Promise<StateStore>;
