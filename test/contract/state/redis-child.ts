import { systemClock } from '../../../lib/clock';
import { openRedisStore } from '../../../lib/state/redis/engine';
import type { OpenInChild } from './engine-under-test';

export const openInChild: OpenInChild = (place, instance) =>
  openRedisStore({ connection: { url: place }, clock: systemClock, instance });
