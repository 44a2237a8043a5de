/** Every node type of the pack, as Node-RED loads it. */
import mappingCheck from '../../nodes/mapping-check/mapping-check';
import provisioningControl from '../../nodes/provisioning-control/provisioning-control';
import provisioningHealth from '../../nodes/provisioning-health/provisioning-health';
import provisioningStore from '../../nodes/provisioning-store/provisioning-store';
import sfConnection from '../../nodes/sf-connection/sf-connection';
import sfEventDone from '../../nodes/sf-event-done/sf-event-done';
import sfGetOrder from '../../nodes/sf-get-order/sf-get-order';
import sfPlatformEventIn from '../../nodes/sf-platform-event-in/sf-platform-event-in';
import sfUpdateOrder from '../../nodes/sf-update-order/sf-update-order';
import whmcsAcceptOrder from '../../nodes/whmcs-accept-order/whmcs-accept-order';
import whmcsAddOrder from '../../nodes/whmcs-add-order/whmcs-add-order';
import whmcsClientCheck from '../../nodes/whmcs-client-check/whmcs-client-check';
import whmcsConnection from '../../nodes/whmcs-connection/whmcs-connection';

export const nodeFiles = [
  sfConnection,
  whmcsConnection,
  provisioningStore,
  sfPlatformEventIn,
  sfGetOrder,
  whmcsClientCheck,
  mappingCheck,
  whmcsAddOrder,
  whmcsAcceptOrder,
  sfUpdateOrder,
  sfEventDone,
  provisioningControl,
  provisioningHealth,
];
