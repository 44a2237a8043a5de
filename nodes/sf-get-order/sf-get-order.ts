import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { defaultFieldMapping } from '../../lib/provisioning/field-mapping';
import { getOrder } from '../../lib/provisioning/get-order';
import { readFieldNames, readFieldSettings } from '../shared/field-names';
import { fieldsWanted, tellOfDifferentFields } from '../shared/mapped-fields';
import { text } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'sf-get-order', {
    connections: { salesforce: 'sf-connection' },
    settings: { pricebookId: text(), ...readFieldSettings },
    moved: {
      productIdField: { was: defaultFieldMapping.productId, to: 'mapping check, as "WHMCS product"' },
      billingCycleField: { was: defaultFieldMapping.billingCycle, to: 'mapping check, as "Billing cycle"' },
    },
    ways: ['go', 'skip'],
    build(settings, { salesforce }, node) {
      const { pricebookId } = settings;
      const mapped = () => fieldsWanted(node);
      tellOfDifferentFields(RED, node);
      return getOrder({ fields: readFieldNames(settings), pricebookId, mapped }, salesforce.salesforce);
    },
  });
