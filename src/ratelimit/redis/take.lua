-- Draws on every bucket, or on none. What gcra.rs decides, told in distances from the present: those
-- are small, and a double holds them exactly.
--
-- KEYS: a bucket for each charge.
-- ARGV[1]: the time in microseconds, or "redis" for the server's own.
-- ARGV[2]: how many milliseconds longer than needed a bucket is kept.
-- Then for each charge: the tolerance, what it costs (both in microseconds), and 1 if the burst allows
-- such a cost at all.
--
-- Answers how many microseconds to wait, 0 if all was drawn, and for which charge, counted from 0.

local now = tonumber(ARGV[1])
if ARGV[1] == 'redis' then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local kept = redis.call('MGET', unpack(KEYS))
local staged = {}
local wait, longest = 0, 0
for i, key in ipairs(KEYS) do
  local tolerance = tonumber(ARGV[3 * i])
  local cost = tonumber(ARGV[3 * i + 1])
  local possible = ARGV[3 * i + 2] == '1'
  local tat = staged[key]
  if tat == nil then
    -- Another program's value is no full bucket: this raises an error, and nothing was written yet.
    tat = kept[i] and (tonumber(kept[i]) or error('a bucket holds no number')) or now
  end
  local ahead = math.max(0, math.min(tat - now, tolerance)) + cost
  if possible and ahead <= tolerance then
    staged[key] = now + ahead
  else
    local own = math.max(ahead - tolerance, 1)
    if own > wait then
      wait, longest = own, i - 1
    end
  end
end
if wait > 0 then
  return {wait, longest}
end

-- Nothing is rolled back: from here on nothing may fail.
local slack = tonumber(ARGV[2])
for key, tat in pairs(staged) do
  -- A bucket that is full again is as good as none.
  local kept_ms = math.max(1, math.ceil((tat - now) / 1000)) + slack
  redis.call('SET', key, string.format('%.0f', tat), 'PX', kept_ms)
end
return {0, 0}
