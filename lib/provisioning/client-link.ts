/**
 * Which WHMCS client an Account is: by the table of ids, else by the Account's field; a custom field of the client can only
 * confirm it. Sources that differ are a fault that names both: nobody here chooses between them.
 */
import { defaultFieldNames } from '../salesforce/contract';
import { sameId } from '../salesforce/ids';
import { IdMappingsError, type IdMapping, type IdMappings } from '../state/contract';
import type { Client } from '../whmcs/contract';
import { failure, type Failure } from './failure';
import type { ClientPart, OrderPart } from './message';
import { plain } from './plain-text';

export type Account = NonNullable<OrderPart['account']>;
export type Link = Pick<ClientPart, 'id' | 'source'>;

const step = 'validation';

/**
 * One client, one account: a client that the table links to another account, too, is never taken, whichever source names it.
 * @param idMappings null: none is used.
 * @throws Failure CLIENT_NOT_MAPPED, CLIENT_MAPPING_CONFLICT, ID_MAPPINGS_UNAVAILABLE; StoreError.
 */
export async function clientLink(account: Account, idMappings: IdMappings | null): Promise<Link> {
  const field = fieldOf(account);
  const named = clientIdIn(account.whAccount);
  let mapped: number | null;
  try {
    mapped = idMappings === null ? null : await mappedClient(account, idMappings);
    if (mapped !== null && named !== null && mapped !== named)
      throw conflict(account, `id_mappings says WHMCS client ${mapped}, ${field} says ${named}`);
    const client = mapped ?? named;
    if (client !== null && idMappings !== null)
      await refuseAnothers(account, client, mapped === null ? field : 'id_mappings', idMappings);
  } catch (error) {
    if (!(error instanceof IdMappingsError)) throw error;
    if (error.code === 'AMBIGUOUS') throw conflict(account, error.message, error);
    throw failure('ID_MAPPINGS_UNAVAILABLE', error.message, step, error);
  }
  if (mapped !== null) return { id: mapped, source: 'id_mappings' };
  if (named !== null) return { id: named, source: 'account' };
  throw notMapped(account, idMappings !== null);
}

/** With a name behind it the number is told from one of another kind by its `#`, or by letters in the name. */
const linkForms = [
  /^#?\s*(\d{1,10})(?:\.0+)?$/u,
  /^#\s*(\d{1,10})\s+[-–—](?:\s.*)?$/su,
  /^(\d{1,10})\s+[-–—]\s.*\p{L}.*$/su,
];

/**
 * `#1234 - Name`, `#1234`, `1234 - Name` or `1234`, with blanks around the dash; null when the text is neither: a telephone
 * number or a date begins with digits, too, and would be another client's.
 */
export function clientIdIn(text: string | null): number | null {
  const trimmed = (text ?? '').trim();
  const digits = linkForms.map((form) => form.exec(trimmed)?.[1]).find((found) => found !== undefined);
  const id = Number(digits ?? 0);
  return id > 0 ? id : null;
}

/**
 * The client's custom field, where it is filled, must name the Account. WHMCS's API cannot search by it, and tells custom
 * fields by their ids alone.
 * @throws Failure CLIENT_MAPPING_CONFLICT
 */
export function refuseOtherAccount(client: Client, fieldId: number, account: Account, link: Link): void {
  const value = client.customFields.find(({ id }) => id === fieldId)?.value.trim() ?? '';
  if (value === '' || sameId(value, account.id)) return;
  const source = link.source === 'account' ? fieldOf(account) : link.source;
  throw conflict(
    account,
    `${source} says WHMCS client ${link.id}, whose custom field ${fieldId} names account '${plain(value, 40)}'`,
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

/** @param source that names the client. */
async function refuseAnothers(account: Account, client: number, source: string, idMappings: IdMappings): Promise<void> {
  const mapping = await idMappings.byWhmcsClient(client);
  if (mapping !== null && !sameId(mapping.sfAccountId, account.id))
    throw conflict(
      account,
      `${source} says WHMCS client ${client}, which id_mappings links to account ${plain(mapping.sfAccountId, 40)}`,
    );
}

const fieldOf = ({ whField }: Account): string => whField ?? defaultFieldNames.account;
/** A name of nothing but markup tells nobody which it is. */
const nameOf = ({ name, id }: Account): string => `Account ${plain(name, 60) || id}`;

const conflict = (account: Account, said: string, cause?: unknown): Failure =>
  failure('CLIENT_MAPPING_CONFLICT', `${nameOf(account)}: ${said}`, step, cause);

function notMapped(account: Account, hasTable: boolean): Failure {
  const field = fieldOf(account);
  const text = account.whAccount?.trim();
  const why = text
    ? `${field} is not understood: '${plain(text, 60)}'. It must read '#1234 - Name', or '1234' alone`
    : `${field} is empty${hasTable ? ', and id_mappings does not name it' : ''}`;
  return failure('CLIENT_NOT_MAPPED', `${nameOf(account)}: ${why}`, step);
}
