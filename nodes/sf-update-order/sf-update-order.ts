import type { NodeAPI } from 'node-red';
import { updateOrder } from '../../lib/provisioning/update-order';
import { choice } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'sf-update-order', {
    connections: {},
    settings: { status: choice(['message', 'Activating', 'Activated', 'Failed'], 'message') },
    ways: ['next'],
    build: (settings) => updateOrder(settings),
  });
