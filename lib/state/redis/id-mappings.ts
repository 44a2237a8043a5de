import { z } from 'zod';
import type { IdMapping, IdMappings } from '../contract';
import type { Connection } from './connection';
import { idMappingsKey } from './keys';
import { jsonText } from './rows';
import { script } from './script';

const byAccount = idMappingsKey('account');
const byClient = idMappingsKey('client');
const byPortal = idMappingsKey('portal');

const ofAccount = script(`return call('HGET', '${byAccount}', arg[1])`);
const ofClient = script(`
local account = call('HGET', '${byClient}', arg[1])
if not account then return nil end
return call('HGET', '${byAccount}', account)`);

/** account, client, portal user or '', the mapping as it is kept without a portal user, and with it. */
const put = script(`
local account, client, portal = arg[1], arg[2], text(3)
local kept = call('HGET', '${byAccount}', account)
local clientOf = call('HGET', '${byClient}', client)
if clientOf and clientOf ~= account then return 0 end
if kept and not clientOf then return 0 end
if portal then
  local portalOf = call('HGET', '${byPortal}', portal)
  if portalOf and portalOf ~= account then return 0 end
  local known = kept and cjson.decode(kept).portalUserId
  if type(known) == 'string' and known ~= portal then return 0 end
  if known == portal then return 1 end
elseif kept then return 1 end
wrote()
call('HSET', '${byAccount}', account, arg[4])
call('HSET', '${byClient}', client, account)
if portal then call('HSET', '${byPortal}', portal, account) end
return 1`);

const mapping = jsonText
  .pipe(z.object({ portalUserId: z.string().nullable(), whmcsClientId: z.number(), sfAccountId: z.string() }))
  .transform((row): IdMapping => row)
  .nullable();

export class RedisIdMappings implements IdMappings {
  constructor(private readonly connection: Connection) {}

  async bySfAccount(sfAccountId: string): Promise<IdMapping | null> {
    return mapping.parse(await this.connection.run(ofAccount, sfAccountId));
  }

  async byWhmcsClient(whmcsClientId: number): Promise<IdMapping | null> {
    return mapping.parse(await this.connection.run(ofClient, whmcsClientId));
  }

  /** The same pair of client and account may learn its portal user later; nothing else ever changes by itself. */
  async put({ portalUserId, whmcsClientId, sfAccountId }: IdMapping): Promise<'written' | 'conflict'> {
    const kept = JSON.stringify({ portalUserId, whmcsClientId, sfAccountId });
    const answer = await this.connection.run(put, sfAccountId, whmcsClientId, portalUserId ?? '', kept);
    return answer === 1 ? 'written' : 'conflict';
  }
}
