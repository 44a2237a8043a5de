import { addOrder } from './add-order';
import { type Action } from './call';
import { getClientsDetails, getPayMethods } from './clients';
import { acceptOrder, getModuleQueue, moduleCreate } from './modules';
import { cancelOrder, deleteOrder, fraudOrder, getOrders, getOrderStatuses, pendingOrder } from './orders';
import { getCurrencies, getPaymentMethods, getProducts, whmcsDetails } from './products';
import { getClientsProducts } from './services';
import { isAtLeast, type Version } from './switches';

/** Every action, by the name that faults and the request log use; WHMCS takes them in any case. */
export const actions: Readonly<Record<string, Action>> = {
  AcceptOrder: acceptOrder,
  AddOrder: addOrder,
  CancelOrder: cancelOrder,
  DeleteOrder: deleteOrder,
  FraudOrder: fraudOrder,
  GetClientsDetails: getClientsDetails,
  GetClientsProducts: getClientsProducts,
  GetCurrencies: getCurrencies,
  GetModuleQueue: getModuleQueue,
  GetOrders: getOrders,
  GetOrderStatuses: getOrderStatuses,
  GetPaymentMethods: getPaymentMethods,
  GetPayMethods: getPayMethods,
  GetProducts: getProducts,
  ModuleCreate: moduleCreate,
  PendingOrder: pendingOrder,
  WhmcsDetails: whmcsDetails,
};

/** Actions that came with a later version. */
const since: Readonly<Record<string, Version | '7.8' | '8.0'>> = { GetPayMethods: '7.8', WhmcsDetails: '8.0' };

const byLowerCase = new Map(Object.keys(actions).map((name) => [name.toLowerCase(), name]));

/** The action's proper name; what was asked for when there is none. */
export const nameOf = (asked: string): string => byLowerCase.get(asked.toLowerCase()) ?? asked;

/** null: this version has no such action. */
export function actionOf(name: string, version: Version): Action | null {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  return action && isAtLeast(version, since[name] ?? '7.2') ? action : null;
}

/** The words for that, which changed over time. Reference §1.3. */
export function unknownAction(version: Version): string {
  if (isAtLeast(version, '8.0')) return 'The requested API Action could not be found.';
  return isAtLeast(version, '7.7') ? 'API Function Not Found' : 'Command Not Found';
}
