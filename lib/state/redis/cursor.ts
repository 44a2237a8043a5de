import { z } from 'zod';
import type { Cursor, Position } from '../contract';
import type { Connection } from './connection';
import { replayKey, replayPositionKey } from './keys';
import { movePosition } from './position-lua';
import { script } from './script';

const read = script(`
local replayId = call('GET', arg[1])
if not replayId then return nil end
local pair = call('HMGET', arg[2], 'fence', 'sequence')
return { replayId, pair[1] or '0', pair[2] or '0' }`);
const write = script(`${movePosition}
return movePosition(arg[1], arg[2], arg[3], arg[4], arg[5])`);
const clear = script(`
wrote()
call('DEL', arg[1])
call('DEL', arg[2])
return 1`);

const answer = z
  .tuple([z.string(), z.coerce.number(), z.coerce.number()])
  .transform(([replayId, fence, sequence]): Position => ({ replayId, fence, sequence }))
  .nullable();

export class RedisCursor implements Cursor {
  constructor(private readonly connection: Connection) {}

  async read(channel: string): Promise<Position | null> {
    return answer.parse(await this.connection.run(read, replayKey(channel), replayPositionKey(channel)));
  }

  async write(channel: string, { replayId, fence, sequence }: Position): Promise<'moved' | 'older'> {
    const keys = [replayKey(channel), replayPositionKey(channel)] as const;
    return (await this.connection.run(write, ...keys, replayId, fence, sequence)) === 1 ? 'moved' : 'older';
  }

  async clear(channel: string): Promise<void> {
    await this.connection.run(clear, replayKey(channel), replayPositionKey(channel));
  }
}
