import type { NodeAPI } from 'node-red';
import { clientCheck } from '../../lib/provisioning/client-check';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'whmcs-client-check', {
    connections: { whmcs: 'whmcs-connection' },
    settings: {},
    ways: ['next'],
    build: (_settings, { whmcs }) =>
      clientCheck({ paymentMethod: whmcs.order.paymentMethod }, whmcs.whmcs, whmcs.catalogue),
  });
