import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { updateOrder } from '../../lib/provisioning/update-order';
import { choice } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'sf-update-order', {
    connections: {},
    settings: { status: choice(['message', 'Activating', 'Activated', 'Failed'], 'message') },
    ways: ['next'],
    build(settings) {
      const { ends, ...step } = updateOrder(settings);
      // Activating is no end: such a box must lead on, and what is stale or has ended must not be written.
      return settings.status === 'Activating' ? step : { ...step, ends };
    },
  });
