/** How a channel's position moves: shared by the cursor and by the adding of an event, so that both do it in one step. */

/**
 * Lua: `movePosition(plain, pos, replayId, fence, sequence)` is 1, or 0 where a newer pair stands. A plain key that was
 * deleted by hand takes its pair with it (exactly-one R21).
 */
export const movePosition = `
local function movePosition(plain, pos, replayId, fence, sequence)
  if call('EXISTS', plain) == 1 then
    local stands = call('HMGET', pos, 'fence', 'sequence')
    local oldFence, oldSequence = tonumber(stands[1] or 0), tonumber(stands[2] or 0)
    fence, sequence = tonumber(fence), tonumber(sequence)
    if fence < oldFence or (fence == oldFence and sequence < oldSequence) then return 0 end
  end
  wrote()
  call('SET', plain, replayId)
  call('HSET', pos, 'fence', fence, 'sequence', sequence)
  return 1
end
`;
