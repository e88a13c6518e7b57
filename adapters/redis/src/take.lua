-- One of a quota: the generic cell rate algorithm, as application/src/limits/gcra.rs has it, by this server's clock.
-- KEYS[1]: until when its subject rests. ARGV: the interval and the window, in microseconds.
-- Answers whether it was admitted (1 or 0), and how long it rests from now on, in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local rested = tonumber(redis.call('GET', KEYS[1]) or now)
rested = math.max(math.min(rested, now + window), now)
local following = rested + interval
if following > now + window then
  return {0, rested - now}
end
local lifetime = math.max(math.ceil((following - now) / 1000), 1)
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', lifetime)
return {1, following - now}
