/** What a call sends to api.php, byte for byte. */
import { addOrderFields } from './add-order-fields';
import type { AddOrderRequest } from './contract';
import { encodeForm, type FormFields } from './form';

/** What a call is signed with; only what is set is sent. */
export interface Credentials {
  identifier: string;
  secret: string;
  accessKey?: string | undefined;
}

/** @param credentials null: the same without them, for people to read. */
export function callBody(action: string, fields: FormFields, credentials: Credentials | null): string {
  const { identifier, secret, accessKey = '' } = credentials ?? {};
  return encodeForm({
    action,
    responsetype: 'json',
    identifier,
    secret,
    accesskey: accessKey === '' ? undefined : accessKey,
    ...fields,
  });
}

/** The body of AddOrder for this request as it would be sent, without the credentials. */
export const addOrderBody = (request: AddOrderRequest): string => callBody('AddOrder', addOrderFields(request), null);
