-- Counts an account as seen from some places, about: a HyperLogLog errs by 0.8 %.
--
-- KEYS: for each place its count, then whether it was told that there were too many.
-- ARGV[1]: the account. ARGV[2]: how many milliseconds both are kept. Then for each place how many
-- accounts there may be.
--
-- Answers for each place 0 within, 1 over, 2 over and told for the first time.

local answers = {}
for i = 1, #KEYS / 2 do
  local count, told = KEYS[2 * i - 1], KEYS[2 * i]
  redis.call('PFADD', count, ARGV[1])
  redis.call('PEXPIRE', count, ARGV[2])
  answers[i] = 0
  if redis.call('PFCOUNT', count) > tonumber(ARGV[2 + i]) then
    answers[i] = redis.call('SET', told, '1', 'NX', 'PX', ARGV[2]) and 2 or 1
  end
end
return answers
