import { addOrder } from './add-order';
import { type Action } from './call';
import { getClientsDetails, getPayMethods } from './clients';
import { acceptOrder, getModuleQueue, moduleCreate } from './modules';
import { cancelOrder, deleteOrder, fraudOrder, getOrders, getOrderStatuses, pendingOrder } from './orders';
import { getPaymentMethods, getProducts, whmcsDetails } from './products';
import { getClientsProducts } from './services';
import { isAtLeast, type Version } from './switches';

/** The actions by their documented names, which are also the names of calls for faults. */
export const actions: Record<string, Action> = {
  AddOrder: addOrder,
  AcceptOrder: acceptOrder,
  GetOrders: getOrders,
  GetClientsProducts: getClientsProducts,
  GetClientsDetails: getClientsDetails,
  GetPayMethods: getPayMethods,
  GetPaymentMethods: getPaymentMethods,
  GetProducts: getProducts,
  WhmcsDetails: whmcsDetails,
  ModuleCreate: moduleCreate,
  CancelOrder: cancelOrder,
  PendingOrder: pendingOrder,
  FraudOrder: fraudOrder,
  DeleteOrder: deleteOrder,
  GetModuleQueue: getModuleQueue,
  GetOrderStatuses: getOrderStatuses,
};

const since: Record<string, string> = { GetPayMethods: '7.8', WhmcsDetails: '8.0' };

/** An action's documented name, whatever its case; null: there is none. */
export function actionName(given: string): string | null {
  return Object.keys(actions).find((name) => name.toLowerCase() === given.toLowerCase()) ?? null;
}

/** The action, or null where this version has none of that name. */
export function actionIn(version: Version, name: string | null): Action | null {
  if (name === null || !isAtLeast(version, since[name] ?? '0')) return null;
  return actions[name] ?? null;
}

/** What a version says to an action that it does not have. */
export function unknownAction(version: Version): string {
  if (isAtLeast(version, '8.0')) return 'The requested API Action could not be found.';
  return isAtLeast(version, '7.7') ? 'API Function Not Found' : 'Command Not Found';
}
