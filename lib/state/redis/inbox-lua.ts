/** The scripts that move an event through the inbox; its keys and what the scripts share are told in inbox-prelude.ts. */
import { inbox } from './inbox-prelude';
import { movePosition } from './position-lua';

/**
 * id, receivedAt, rememberMs, channel, replay id of the position or '', its fence, its sequence, then field and value in turn.
 * An ended one that is let in again loses the fields that are not among them.
 */
export const add = inbox(`${movePosition}
local id, receivedAt, remember = arg[1], tonumber(arg[2]), tonumber(arg[3])
local channel = arg[4]
local known = load(id)
local isNew = not known or (known.ending and tonumber(known.receivedAt) <= receivedAt - remember)
if isNew then
  local e = { id = id, handout = '0', seq = false }
  if known then
    -- Its hand-outs go on counting, so that old ones stay stale.
    e.handout, e.seq = tostring(tonumber(known.handout) + 1), known.seq
    unlist(known)
    call('DEL', events(id))
  end
  local place = tostring(nextSeq())
  e.seq = e.seq or place
  e.place, e.crashes, e.fruitless, e.waitingSince = place, '0', '0', arg[2]
  for i = 8, #arg, 2 do e[arg[i]] = arg[i + 1] end
  local flat = {}
  for name, value in pairs(e) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  wrote()
  call('HSET', events(id), unpack(flat))
  call('SADD', q .. 'channels', channel)
  if e.orderId then call('ZADD', q .. 'o:' .. e.orderId, e.seq, id) end
  list(e)
end
if text(5) then
  movePosition('sf:pe:replay:' .. channel, '{sf:pe:replay:' .. channel .. '}:pos', arg[5], arg[6], arg[7])
end
return isNew and 1 or 0`);

/**
 * channel, now, instance, the place after which to look or '', the latest time of a park (now and the most that one lasts).
 * Answers the event, nothing where none may go, or, after a thousand that may not, the place after which to look on: others
 * are served in between.
 */
export const take = inbox(`
local channel, now, instance = arg[1], arg[2], arg[3]
local line = q .. 'line:' .. channel
for _, id in ipairs(call('ZRANGEBYSCORE', q .. 'later:' .. channel, '-inf', now, 'LIMIT', 0, 1000)) do
  call('ZREM', q .. 'later:' .. channel, id)
  local place = call('HGET', events(id), 'place')
  if place then call('ZADD', line, place, id) end
end
-- Parked while the clock was ahead; a deferred one, which waits, keeps whatever time a person has set.
for _, id in ipairs(call('ZRANGEBYSCORE', q .. 'later:' .. channel, '(' .. arg[5], '+inf', 'LIMIT', 0, 1000)) do
  local e = load(id)
  if e and e.state == 'parked' then
    call('ZREM', q .. 'later:' .. channel, id)
    call('ZADD', line, e.place, id)
    call('ZADD', q .. 'since:' .. channel, string.format('%.0f', math.min(tonumber(e.waitingSince), tonumber(now))), id)
  end
end
-- Orders that have an event in work; one whose keys were deleted by hand holds up nothing.
local busy = {}
for _, order in ipairs(call('HKEYS', q .. 'busy')) do
  busy[order] = call('HGET', events(call('HGET', q .. 'busy', order)), 'state') == 'inWork'
end
local after = text(4)
for _ = 1, 10 do
  local from = after and '(' .. after or '-inf'
  local found = call('ZRANGEBYSCORE', line, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 100)
  if #found == 0 then return nil end
  for i = 1, #found, 2 do
    local id = found[i]
    local order = call('HGET', events(id), 'orderId')
    local e = not busy[order] and load(id)
    if e == nil then
      call('ZREM', line, id)
    elseif e then
      change(e, { state = 'inWork', worker = instance, handout = e.handout + 1, notBefore = false, reason = false, waitsFor = false })
      return row(id)
    end
    after = found[i + 1]
  end
end
return after`);

/** id, handout, fruitless to add, instance. */
export const handOutAgain = inbox(`
local e = load(arg[1])
if not e or e.state ~= 'inWork' or e.handout ~= arg[2] then return nil end
change(e, { handout = e.handout + 1, worker = arg[4], fruitless = e.fruitless + arg[3] })
return row(e.id)`);

/** id, handout, until, reason, waitsFor. */
export const park = inbox(`
local e = load(arg[1])
if not e or e.handout ~= arg[2] or (e.state ~= 'inWork' and e.state ~= 'parked') then return 0 end
change(e, { state = 'parked', worker = false, notBefore = arg[3], reason = arg[4], waitsFor = text(5) or false })
return 1`);

/** id, now. */
export const wake = inbox(`
local e = load(arg[1])
if not e or not (e.state == 'parked' or (e.state == 'waiting' and e.notBefore)) then return 0 end
waitAgain(e, arg[2])
return 1`);

/** waitsFor, now. */
export const wakeNext = inbox(`
while true do
  local id = call('ZRANGE', q .. 'w:' .. arg[1], 0, 0)[1]
  if not id then return nil end
  local e = load(id)
  if e then
    waitAgain(e, arg[2])
    return row(id)
  end
  call('ZREM', q .. 'w:' .. arg[1], id)
end`);

/** id, handout, now. */
export const release = inbox(`
local e = load(arg[1])
if not e or e.handout ~= arg[2] or e.handout == '0' then return 0 end
-- Waiting under the same hand-out: it was given back already, and the caller did not hear of it.
if e.state == 'waiting' then return 1 end
if e.state ~= 'inWork' then return 0 end
waitAgain(e, arg[3])
return 1`);

/** id, handout or 'any', end, state, reason, now. */
export const finish = inbox(`
local e = load(arg[1])
if not e then return 'stale' end
if e.ending then return e.ending == arg[3] and 'repeat' or 'other' end
if arg[2] ~= 'any' and e.handout ~= arg[2] then return 'stale' end
local reason = text(5) or (e.state == 'dead' and e.reason) or false
change(e, { state = arg[4], worker = false, notBefore = false, waitsFor = false, ending = arg[3], endedAt = arg[6], reason = reason })
return 'finished'`);

/** id, handout, failure. */
export const recordFailure = inbox(`
local e = load(arg[1])
if not e or e.handout ~= arg[2] or e.ending then return 0 end
change(e, { failure = arg[3] })
return 1`);

/** id, now. */
export const retry = inbox(`
local e = load(arg[1])
if not e or not (e.state == 'finished' or e.state == 'failed' or e.state == 'dead') or e.raw then return 0 end
change(e, { state = 'waiting', place = nextSeq(), delivery = 'retry', worker = false, handout = e.handout + 1, crashes = 0,
  fruitless = 0, waitingSince = arg[2], notBefore = false, reason = false, ending = false, endedAt = false, failure = false })
return 1`);

/** id, until, reason. */
export const defer = inbox(`
local e = load(arg[1])
if not e or not isOpen(e.state) then return 0 end
change(e, { state = 'waiting', notBefore = arg[2], reason = arg[3], waitsFor = false })
return 1`);

/** id. */
export const get = inbox(`return row(arg[1])`);

/** id. */
export const raw = inbox(`return call('HGET', events(arg[1]), 'raw')`);

/** orderId. */
export const ofOrder = inbox(`
local rows = {}
for _, id in ipairs(call('ZREVRANGE', q .. 'o:' .. arg[1], 0, -1)) do rows[#rows + 1] = row(id) end
return rows`);

/** channel or '', state, limit. At most so many a channel; the caller sorts them together. */
export const inState = inbox(`
local rows, state, last = {}, arg[2], arg[3] - 1
local hasEnded = not (isOpen(state) or state == 'inWork')
for _, channel in ipairs(channelsOf(text(1))) do
  for _, id in ipairs(call(hasEnded and 'ZREVRANGE' or 'ZRANGE', q .. 's:' .. channel .. ':' .. state, 0, last)) do
    rows[#rows + 1] = row(id)
  end
end
return rows`);

/** instance. */
export const inWorkOf = inbox(`
local rows = {}
for _, id in ipairs(call('SMEMBERS', q .. 'work:' .. arg[1])) do rows[#rows + 1] = row(id) end
return rows`);

/** channel or '', now. Answers counts in the sequence of the states that follow, then since when the oldest is due. */
export const counts = inbox(`
local sums, oldest = {}, nil
for i = 3, #arg do sums[i - 2] = 0 end
for _, channel in ipairs(channelsOf(text(1))) do
  for i = 3, #arg do sums[i - 2] = sums[i - 2] + call('ZCARD', q .. 's:' .. channel .. ':' .. arg[i]) end
  local first = call('ZRANGEBYSCORE', q .. 'since:' .. channel, '-inf', arg[2], 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] and (not oldest or tonumber(first[2]) < tonumber(oldest)) then oldest = first[2] end
end
sums[#sums + 1] = oldest or false
return sums`);

/** before, limit. Forgets the finished ones that ended before it; answers how many. */
export const prune = inbox(`
local gone = 0
for _, channel in ipairs(channelsOf(nil)) do
  local ended = q .. 's:' .. channel .. ':finished'
  for _, id in ipairs(call('ZRANGEBYSCORE', ended, '-inf', '(' .. arg[1], 'LIMIT', 0, arg[2] - gone)) do
    local order = call('HGET', events(id), 'orderId')
    if order then call('ZREM', q .. 'o:' .. order, id) end
    call('ZREM', ended, id)
    call('DEL', events(id))
    gone = gone + 1
  end
end
if gone > 0 then wrote() end
return gone`);

/** instance. What is in work there waits again, and nothing is counted. */
export const handBack = inbox(`
handBack(arg[1])
return 1`);

/** instance, then lock and token in turn. At a close: the same, and the leases are given back. */
export const leave = inbox(`
handBack(arg[1])
for i = 2, #arg, 2 do if call('GET', arg[i]) == arg[i + 1] then call('DEL', arg[i]) end end
forget(arg[1])
return 1`);

/**
 * instance, crash limit. What a dead instance had in work waits again, one crash more each; at the limit it is dead, with no
 * end yet, so that somebody tells Salesforce. It is no longer looked after; its record stays. Answers how many.
 */
export const takeUpDeadWork = inbox(`
local work = workOf(arg[1])
for _, e in ipairs(work) do
  local crashes = e.crashes + 1
  if crashes >= tonumber(arg[2]) then
    local reason = 'Node-RED ended ' .. crashes .. ' times while it worked on this event'
    change(e, { state = 'dead', worker = false, crashes = crashes, reason = reason })
  else
    change(e, { state = 'waiting', worker = false, crashes = crashes })
  end
end
forget(arg[1])
return #work`);
