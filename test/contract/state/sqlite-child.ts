import { systemClock } from '../../../lib/clock';
import { openEmbeddedStore } from '../../../lib/state/sqlite/engine';
import type { OpenInChild } from './engine-under-test';

export const openInChild: OpenInChild = (place, instance) =>
  openEmbeddedStore({ directory: place, clock: systemClock, instance });
