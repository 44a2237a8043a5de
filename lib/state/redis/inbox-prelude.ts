/**
 * The inbox's keys, and how an event moves between them. One HASH an event holds the truth; the sets beside it only find it.
 *
 * `e:<id>` HASH · `s:<channel>:<state>` ZSET, by place or by end · `line:<channel>` ZSET by place, of those that may go now ·
 * `later:<channel>` ZSET by `notBefore` · `since:<channel>` ZSET by when it became due · `o:<order>` ZSET by seq ·
 * `w:<what>` ZSET by place, of the parked that wait for it · `busy` HASH order → its event in work · `work:<instance>` SET of
 * those in work there · `channels` SET.
 */
import { inboxPrefix, instancesKey } from './keys';
import { connectionField, script, type Script } from './script';

const prelude = `
local q = '${inboxPrefix}'
local function events(id) return q .. 'e:' .. id end

local function load(id)
  local flat = call('HGETALL', events(id))
  if #flat == 0 then return nil end
  local e = {}
  for i = 1, #flat, 2 do e[flat[i]] = flat[i + 1] end
  return e
end

local function isOpen(state) return state == 'waiting' or state == 'parked' end

-- By its end, and before all others where a dead one has none yet.
local function rank(e)
  if isOpen(e.state) or e.state == 'inWork' then return e.place end
  return e.endedAt or '+inf'
end

local function unlist(e)
  local c = e.channel
  call('ZREM', q .. 's:' .. c .. ':' .. e.state, e.id)
  if isOpen(e.state) then
    call('ZREM', q .. 'line:' .. c, e.id)
    call('ZREM', q .. 'later:' .. c, e.id)
    call('ZREM', q .. 'since:' .. c, e.id)
    if e.waitsFor then call('ZREM', q .. 'w:' .. e.waitsFor, e.id) end
  elseif e.state == 'inWork' then
    if e.orderId and call('HGET', q .. 'busy', e.orderId) == e.id then call('HDEL', q .. 'busy', e.orderId) end
    call('SREM', q .. 'work:' .. e.worker, e.id)
  end
end

local function list(e)
  local c = e.channel
  call('ZADD', q .. 's:' .. c .. ':' .. e.state, rank(e), e.id)
  if isOpen(e.state) then
    if e.notBefore then call('ZADD', q .. 'later:' .. c, e.notBefore, e.id)
    else call('ZADD', q .. 'line:' .. c, e.place, e.id) end
    local due = e.waitingSince
    if e.notBefore and tonumber(e.notBefore) > tonumber(due) then due = e.notBefore end
    call('ZADD', q .. 'since:' .. c, due, e.id)
    if e.waitsFor then call('ZADD', q .. 'w:' .. e.waitsFor, e.place, e.id) end
  elseif e.state == 'inWork' then
    if e.orderId then call('HSET', q .. 'busy', e.orderId, e.id) end
    call('SADD', q .. 'work:' .. e.worker, e.id)
    -- Who has something in work is looked after, also when others had given it up meanwhile.
    call('SADD', '${instancesKey}', e.worker)
  end
end

-- Changes fields, a false one away with it, and lists the event where it belongs now.
local function change(e, fields)
  wrote()
  unlist(e)
  for name, value in pairs(fields) do
    if value == false then
      e[name] = nil
      call('HDEL', events(e.id), name)
    else
      e[name] = tostring(value)
      call('HSET', events(e.id), name, e[name])
    end
  end
  list(e)
end

local function row(id) return call('HGETALL', events(id)) end

local function waitAgain(e, now)
  change(e, { state = 'waiting', worker = false, notBefore = false, reason = false, waitsFor = false, waitingSince = now })
end

-- What an instance has in work. An event whose keys were deleted by hand is in work no more.
local function workOf(instance)
  local work = {}
  for _, id in ipairs(call('SMEMBERS', q .. 'work:' .. instance)) do
    local e = load(id)
    if e then work[#work + 1] = e else call('SREM', q .. 'work:' .. instance, id) end
  end
  return work
end

local function handBack(instance)
  for _, e in ipairs(workOf(instance)) do change(e, { state = 'waiting', worker = false }) end
end

local function forget(instance)
  call('SREM', '${instancesKey}', instance)
  call('HDEL', store, '${connectionField}' .. instance)
end

local function channelsOf(one)
  if one then return { one } end
  return call('SMEMBERS', q .. 'channels')
end
`;

/** A script of the inbox. @param body see `script`; what stands above is at hand in it. */
export const inbox = (body: string): Script => script(prelude + body);
