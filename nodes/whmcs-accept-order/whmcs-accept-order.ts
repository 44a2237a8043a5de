import '../shared/needed-node';
import type { NodeAPI } from 'node-red';
import { acceptOrder, acceptOrderDefaults } from '../../lib/provisioning/accept-order';
import { secondsSetting, yesNo } from '../shared/settings';
import { stepNode } from '../shared/step-node';

export = (RED: NodeAPI): void =>
  stepNode(RED, 'whmcs-accept-order', {
    connections: { whmcs: 'whmcs-connection' },
    settings: {
      autoSetup: yesNo(true),
      sendEmail: yesNo(true),
      quarantine: secondsSetting(300, { min: 300, max: 86_400 }),
    },
    ways: ['next'],
    build: ({ quarantine, ...settings }, { whmcs }) =>
      acceptOrder({ ...acceptOrderDefaults, ...settings, quarantineMs: quarantine * 1_000 }, whmcs.whmcs),
  });
