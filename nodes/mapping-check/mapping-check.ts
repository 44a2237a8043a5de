import type { NodeAPI } from 'node-red';
import { mapping } from '../../lib/provisioning/mapping';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'mapping-check', {
    connections: { whmcs: 'whmcs-connection' },
    settings: {},
    ways: ['mapped', 'incomplete'],
    build: (_settings, { whmcs }) => mapping(whmcs.catalogue),
  });
