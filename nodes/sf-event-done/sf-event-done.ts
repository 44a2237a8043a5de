import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { eventDone } from '../../lib/provisioning/update-order';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'sf-event-done', { connections: {}, settings: {}, ways: [], build: () => eventDone() });
