import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { clientCheck } from '../../lib/provisioning/client-check';
import { choice, whole } from '../shared/settings';
import { stepNode } from '../shared/step-node';

const hourMs = 3_600_000;

export = (RED: NodeAPI): void =>
  stepNode(RED, 'whmcs-client-check', {
    connections: { whmcs: 'whmcs-connection' },
    settings: {
      paymentMethodFrom: choice(['connection', 'client'], 'connection'),
      missingPayment: choice(['fail', 'wait'], 'fail'),
      holdHours: whole(24, { min: 1, max: 720 }),
      customFieldId: whole(null, { min: 1, max: 1_000_000 }),
    },
    ways: ['next'],
    build: ({ paymentMethodFrom, missingPayment, holdHours, customFieldId }, { whmcs }) =>
      clientCheck(
        {
          paymentMethod: whmcs.order.paymentMethod,
          preferClientGateway: paymentMethodFrom === 'client',
          holdMs: missingPayment === 'wait' ? holdHours * hourMs : null,
          customFieldId,
        },
        whmcs.whmcs,
        whmcs.catalogue,
      ),
  });
