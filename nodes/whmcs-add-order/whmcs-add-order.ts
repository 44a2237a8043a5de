import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { addOrder, addOrderDefaults } from '../../lib/provisioning/add-order';
import { choice, secondsSetting, yesNo } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'whmcs-add-order', {
    connections: { whmcs: 'whmcs-connection' },
    settings: {
      resend: choice(['once', 'never'], 'once'),
      noInvoice: yesNo(false),
      noInvoiceEmail: yesNo(false),
      noEmail: yesNo(false),
      quarantine: secondsSetting(300, { min: 300, max: 86_400 }),
    },
    ways: ['next'],
    build: ({ quarantine, ...settings }, { whmcs }) =>
      addOrder(
        { ...addOrderDefaults, ...settings, marker: whmcs.order.marker, quarantineMs: quarantine * 1_000 },
        whmcs.whmcs,
      ),
  });
