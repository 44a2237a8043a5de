import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { mapping, usualMaxUnits } from '../../lib/provisioning/mapping';
import { fieldMappingOf, mappedFieldSettings } from '../shared/field-names';
import { wantFields } from '../shared/mapped-fields';
import { limit } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'mapping-check', {
    connections: { whmcs: 'whmcs-connection' },
    settings: { ...mappedFieldSettings, maxUnits: limit(usualMaxUnits, { max: 2_147_483_647 }) },
    ways: ['mapped', 'incomplete'],
    build(settings, { whmcs }, node) {
      const { marker } = whmcs.order;
      const fields = fieldMappingOf(settings);
      if (typeof marker === 'object' && marker.customFieldId in fields.customFields)
        throw new Error(
          `Custom field ${marker.customFieldId} holds the mark of the WHMCS connection; map another one.`,
        );
      wantFields(RED, node, fields);
      return mapping(whmcs.catalogue, fields, { marked: typeof marker === 'object', maxUnits: settings.maxUnits });
    },
  });
