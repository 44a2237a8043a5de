/**
 * Which WHMCS client an Account is: by the table of ids, else by the Account's field; a custom field of the client can only
 * confirm it. Sources that differ are a fault that names both: nobody here chooses between them.
 */
import { sameId } from '../salesforce/ids';
import { IdMappingsError, type IdMapping, type IdMappings } from '../state/contract';
import type { Client } from '../whmcs/contract';
import { failure, type Failure } from './failure';
import type { ClientPart, OrderPart } from './message';

export type Account = NonNullable<OrderPart['account']>;
export type Link = Pick<ClientPart, 'id' | 'source'>;

const step = 'validation';

/**
 * @param field name of the Account's field, for messages.
 * @param idMappings null: none is used.
 * @throws Failure CLIENT_NOT_MAPPED, CLIENT_MAPPING_CONFLICT, ID_MAPPINGS_UNAVAILABLE; StoreError.
 */
export async function clientLink(account: Account, field: string, idMappings: IdMappings | null): Promise<Link> {
  const named = clientIdIn(account.whAccount);
  let mapped: number | null;
  try {
    mapped = idMappings === null ? null : await mappedClient(account, idMappings);
    if (mapped === null && named !== null && idMappings !== null)
      await refuseAnothers(account, named, field, idMappings);
  } catch (error) {
    if (!(error instanceof IdMappingsError)) throw error;
    if (error.code === 'AMBIGUOUS') throw conflict(account, error.message, error);
    throw failure('ID_MAPPINGS_UNAVAILABLE', error.message, step, error);
  }
  if (mapped !== null && named !== null && mapped !== named)
    throw conflict(account, `id_mappings says WHMCS client ${mapped}, ${field} says ${named}`);
  if (mapped !== null) return { id: mapped, source: 'id_mappings' };
  if (named !== null) return { id: named, source: 'account' };
  throw notMapped(account, field, idMappings !== null);
}

/** `#1234 - Name`, `#1234` or `1234`; null when the text names no client. */
export function clientIdIn(text: string | null): number | null {
  const digits = /^\s*#?\s*(\d{1,10})(?:\.0+)?(?:\s*[-–—:].*)?\s*$/su.exec(text ?? '')?.[1];
  const id = Number(digits ?? 0);
  return id > 0 ? id : null;
}

/**
 * The client's custom field, where it is filled, must name the Account. WHMCS's API cannot search by it, and tells custom
 * fields by their ids alone.
 * @throws Failure CLIENT_MAPPING_CONFLICT
 */
export function refuseOtherAccount(client: Client, fieldId: number, account: Account, link: Link, field: string): void {
  const value = client.customFields.find(({ id }) => id === fieldId)?.value.trim() ?? '';
  if (value === '' || sameId(value, account.id)) return;
  const source = link.source === 'account' ? field : link.source;
  throw conflict(
    account,
    `${source} says WHMCS client ${link.id}, whose custom field ${fieldId} names account '${value.slice(0, 40)}'`,
  );
}

/** Whoever filled the table may have copied the id of 15 characters from a page of Salesforce. */
async function mappedClient(account: Account, idMappings: IdMappings): Promise<number | null> {
  const forms = [...new Set([account.id, account.id.slice(0, 15)])];
  const found = await Promise.all(forms.map((id) => idMappings.bySfAccount(id)));
  const [first, other] = found.filter((mapping): mapping is IdMapping => mapping !== null);
  if (first !== undefined && other !== undefined && first.whmcsClientId !== other.whmcsClientId)
    throw conflict(
      account,
      `id_mappings says WHMCS client ${first.whmcsClientId} for ${first.sfAccountId}, and ${other.whmcsClientId} for ${other.sfAccountId}`,
    );
  return first?.whmcsClientId ?? null;
}

/** A client belongs to one account. */
async function refuseAnothers(account: Account, client: number, field: string, idMappings: IdMappings): Promise<void> {
  const mapping = await idMappings.byWhmcsClient(client);
  if (mapping !== null && !sameId(mapping.sfAccountId, account.id))
    throw conflict(
      account,
      `${field} says WHMCS client ${client}, which id_mappings links to account ${mapping.sfAccountId}`,
    );
}

const nameOf = (account: Account): string => `Account ${account.name.slice(0, 60)}`;

const conflict = (account: Account, said: string, cause?: unknown): Failure =>
  failure('CLIENT_MAPPING_CONFLICT', `${nameOf(account)}: ${said}`, step, cause);

function notMapped(account: Account, field: string, hasTable: boolean): Failure {
  const text = account.whAccount?.trim();
  const why = text
    ? `${field} reads '${text.slice(0, 60)}', which begins with no WHMCS client id`
    : `${field} is empty${hasTable ? ', and id_mappings does not name it' : ''}`;
  return failure('CLIENT_NOT_MAPPED', `${nameOf(account)}: ${why}`, step);
}
