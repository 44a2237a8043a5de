import { z } from 'zod';
import type { Claims, OpenIntents } from '../contract';
import type { Connection } from './connection';
import { claimsKey, openIntentsKey } from './keys';
import { jsonText } from './rows';
import { script } from './script';

const claim = script(`
local isNew = call('HSETNX', arg[1], arg[2], arg[3])
if isNew == 1 then wrote() end
return { call('HGET', arg[1], arg[2]), isNew }`);
const holder = script(`return call('HGET', arg[1], arg[2])`);

const claimed = z.tuple([z.string(), z.number()]).transform(([by, isNew]) => ({ by, isNew: isNew === 1 }));

const fieldOf = (whmcs: string, whmcsOrderId: number): string => JSON.stringify([whmcs, whmcsOrderId]);

export class RedisClaims implements Claims {
  constructor(private readonly connection: Connection) {}

  async claim(whmcs: string, whmcsOrderId: number, orderId: string): Promise<{ by: string; isNew: boolean }> {
    const field = fieldOf(whmcs, whmcsOrderId);
    return claimed.parse(await this.connection.runReplicated(claim, claimsKey, field, orderId));
  }

  async holder(whmcs: string, whmcsOrderId: number): Promise<string | null> {
    return z
      .string()
      .nullable()
      .parse(await this.connection.run(holder, claimsKey, fieldOf(whmcs, whmcsOrderId)));
  }
}

const open = script(`
wrote()
return call('SADD', arg[1], arg[2])`);
const close = script(`
wrote()
return call('SREM', arg[1], arg[2])`);
const members = script(`return call('SMEMBERS', arg[1])`);

const opened = z.array(
  jsonText.pipe(z.tuple([z.string(), z.string()])).transform(([orderId, intent]) => ({ orderId, intent })),
);

export class RedisOpenIntents implements OpenIntents {
  constructor(private readonly connection: Connection) {}

  async open(whmcs: string, clientId: number, orderId: string, intent: string): Promise<void> {
    const key = openIntentsKey(whmcs, clientId);
    await this.connection.runReplicated(open, key, JSON.stringify([orderId, intent]));
  }

  async close(whmcs: string, clientId: number, orderId: string, intent: string): Promise<void> {
    const key = openIntentsKey(whmcs, clientId);
    await this.connection.runReplicated(close, key, JSON.stringify([orderId, intent]));
  }

  async of(whmcs: string, clientId: number): Promise<{ orderId: string; intent: string }[]> {
    const found = opened.parse(await this.connection.run(members, openIntentsKey(whmcs, clientId)));
    return found.sort((one, other) => order(one.orderId, other.orderId) || order(one.intent, other.intent));
  }
}

const order = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
