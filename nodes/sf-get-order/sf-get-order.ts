import type { NodeAPI } from 'node-red';
import { getOrder } from '../../lib/provisioning/get-order';
import { readFieldNames, readFieldSettings } from '../shared/field-names';
import { text } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'sf-get-order', {
    connections: { salesforce: 'sf-connection' },
    settings: { pricebookId: text(), ...readFieldSettings },
    ways: ['go', 'skip'],
    build: (settings, { salesforce }) =>
      getOrder({ fields: readFieldNames(settings), pricebookId: settings.pricebookId }, salesforce.salesforce),
  });
