-- Claims a read's request id. The marks are complete since a moment that Redis keeps itself: when they
-- are lost it is lost with them, and reads signed before they began anew are stale.
--
-- KEYS[1]: since when the marks are complete. KEYS[2]: the marks of one key, scored by their end.
-- ARGV: the time in microseconds or "redis"; when the read was issued; how long a mark is kept; as many
-- of one key; the mark; how many milliseconds longer than needed the marks of a key are kept.
--
-- Answers 0 good, 1 used, 2 stale, 3 too many.

local now = tonumber(ARGV[1])
if ARGV[1] == 'redis' then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local issued_at, kept, most, mark = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]

local known = redis.call('GET', KEYS[1])
local since = known and (tonumber(known) or error('the beginning of the marks is no number')) or now
local ending = redis.call('ZSCORE', KEYS[2], mark)
local live = redis.call('ZCOUNT', KEYS[2], string.format('%.0f', now), '+inf')

-- From here on nothing may fail.
if not known then
  redis.call('SET', KEYS[1], string.format('%.0f', now))
end
if issued_at < since then
  return 2
end
if ending and tonumber(ending) >= now then
  return 1
end
if live >= most then
  return 3
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('(%.0f', now))
redis.call('ZADD', KEYS[2], string.format('%.0f', now + kept), mark)
redis.call('PEXPIRE', KEYS[2], math.ceil(kept / 1000) + tonumber(ARGV[6]))
return 0
