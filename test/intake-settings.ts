/** What an intake is told beside its connections, as the node *platform event* has it when nothing is set. */
import type { IntakeOptions } from '../lib/provisioning/intake';

export const intakeSettings = {
  channel: '/event/OrderProvisionRequested__e',
  orderIdField: 'OrderId__c',
  activationStatusField: 'Activation_Status__c',
  replay: 'LATEST',
  maxInWork: 10,
  silenceMs: 300_000,
  uncaught: 'fail',
} as const satisfies Partial<IntakeOptions>;
