import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { defaultFieldMapping, pathsById, type FieldMapping } from '../../lib/provisioning/field-mapping';
import { mapping } from '../../lib/provisioning/mapping';
import { wantFields } from '../shared/mapped-fields';
import { fieldPath, pathsByIds } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'mapping-check', {
    connections: { whmcs: 'whmcs-connection' },
    settings: {
      productIdField: fieldPath(defaultFieldMapping.productId),
      billingCycleField: fieldPath(defaultFieldMapping.billingCycle),
      domainField: fieldPath(),
      hostnameField: fieldPath(),
      priceField: fieldPath(),
      customFields: pathsByIds(),
      configOptions: pathsByIds(),
    },
    ways: ['mapped', 'incomplete'],
    build(settings, { whmcs }, node) {
      const { marker } = whmcs.order;
      const fields: FieldMapping = {
        productId: settings.productIdField,
        billingCycle: settings.billingCycleField,
        domain: settings.domainField,
        hostname: settings.hostnameField,
        priceOverride: settings.priceField,
        customFields: pathsById(settings.customFields ?? []),
        configOptions: pathsById(settings.configOptions ?? []),
      };
      if (typeof marker === 'object' && marker.customFieldId in fields.customFields)
        throw new Error(
          `Custom field ${marker.customFieldId} holds the mark of the WHMCS connection; map another one.`,
        );
      wantFields(RED, node, fields);
      return mapping(whmcs.catalogue, fields, { marked: typeof marker === 'object' });
    },
  });
