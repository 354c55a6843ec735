#!lua name=holdfast_v1
-- revision: 2
--
-- Everything about a session that must happen at once. Keys (KEYS is always in this order):
--   s  hf:s:<id>       hash, the session as auth wrote it; validators may only read it
--   t  hf:t:<id>       hash, when it was last seen (l) and its idle timeout (i); validators may write it
--   u  hf:u:<user id>  sorted set, the user's session ids by absolute expiry
-- Times are milliseconds since 1970 by Redis TIME, the only clock. Durations are milliseconds.
-- The revision above grows with every change of this file: an older auth never replaces a newer library.

local SCHEMA = 1               -- the newest record this library can read
local TOMBSTONE_MS = 300000    -- how long an ended session still tells its holder why
local TOUCH_MS = 60000         -- at most one touch per session and minute

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Gives WAIT an offset that lies behind every earlier write, for calls that found nothing left to change.
local function fence()
  redis.call('SET', 'hf:rl:fence', '1', 'PX', 60000)
end

local function end_session(s, t, reason, now)
  redis.call('HSET', s, 'state', 'revoked', 'reason', reason, 'ended', now)
  redis.call('HDEL', s, 'pub', 'ua', 'ip')
  redis.call('PEXPIRE', s, TOMBSTONE_MS)
  redis.call('DEL', t)
end

-- When the session was last seen, or nil once it has idled out.
local function last_seen(t, idle, now)
  local seen = tonumber(redis.call('HGET', t, 'l') or nil)
  if seen and now - seen < idle then return seen end
  return nil
end

-- Drops what can't be used any more from the user's index, ends what has idled out, and returns the ids that live.
local function live_sessions(u, now)
  redis.call('ZREMRANGEBYSCORE', u, '-inf', now)
  local live = {}
  for _, id in ipairs(redis.call('ZRANGE', u, 0, -1)) do
    local s, t = 'hf:s:' .. id, 'hf:t:' .. id
    local record = redis.call('HMGET', s, 'state', 'idle')
    if record[1] == 'active' and last_seen(t, tonumber(record[2]), now) then
      live[#live + 1] = id
    else
      if record[1] == 'active' then end_session(s, t, 'expired-idle', now) end
      redis.call('ZREM', u, id)
    end
  end
  return live
end

-- How many sessions the user has besides the one that is about to be replaced, and whether there is that one: the caller
-- must have its secret.
local function count_others(u, replaced_id, replaced_hash, now)
  local count, replaced = 0, 0
  for _, id in ipairs(live_sessions(u, now)) do
    if id == replaced_id and redis.call('HGET', 'hf:s:' .. id, 'hash') == replaced_hash then
      replaced = 1
    else
      count = count + 1
    end
  end
  return count, replaced
end

-- KEYS s t u; ARGV id, secret hash, user id, public part (JSON), idle ms, lifetime ms, user agent, ip, and, optional: how
-- many sessions the user may have (0: any number), 'deny-new' to refuse one more, id and secret hash of the session that
-- this one replaces. The public part ends with `"authenticatedAtMs":` and gets that time from here. Safe to repeat with
-- the same id and hash: a client that lost the answer asks again. Returns {'created', now, absolute expiry, how many
-- sessions are too many, 1 if there is one that it replaces} or {'limit'}. It ends none that are too many: that is for after this one is safe (revoke_user).
local function create(keys, args)
  local s, t, u = keys[1], keys[2], keys[3]
  local id, hash, user, pub, idle, lifetime = args[1], args[2], args[3], args[4], tonumber(args[5]), tonumber(args[6])
  local known = redis.call('HMGET', s, 'hash', 'created', 'abs', 'state')
  if known[1] then
    if known[1] ~= hash or known[4] ~= 'active' then return {'exists'} end
    fence()
    return {'created', tonumber(known[2]), tonumber(known[3]), 0, 0}
  end
  local now = now_ms()
  local absolute, max = now + lifetime, tonumber(args[9] or 0)
  local others, replaced = count_others(u, args[11], args[12], now)
  if max > 0 and others >= max and args[10] == 'deny-new' then return {'limit'} end
  redis.call('HSET', s, 'v', SCHEMA, 'user', user, 'hash', hash, 'gen', 0, 'created', now, 'idle', idle, 'abs', absolute,
    'state', 'active', 'pub', pub .. now .. '}', 'ua', args[7], 'ip', args[8])
  redis.call('PEXPIREAT', s, absolute + TOMBSTONE_MS)
  redis.call('HSET', t, 'l', now, 'i', idle)
  redis.call('PEXPIRE', t, idle)
  redis.call('ZADD', u, absolute, id)
  redis.call('PEXPIREAT', u, redis.call('ZRANGE', u, -1, -1, 'WITHSCORES')[2])
  return {'created', now, absolute, max > 0 and math.max(0, others + 1 - max) or 0, replaced}
end

-- KEYS s t; ARGV secret hash, '1' for the device as well. Reads only, so that FCALL_RO can call it, on a replica too.
-- Returns {outcome, …}; the reason a session ended is told only to a caller that has its secret.
local function validate(keys, args)
  local s = redis.call('HMGET', keys[1], 'v', 'hash', 'state', 'abs', 'idle', 'created', 'pub', 'reason')
  if not s[2] or s[2] ~= args[1] then return {'unknown'} end
  if tonumber(s[1]) > SCHEMA then return {'schema'} end
  if s[3] ~= 'active' then return {'ended', s[8] or 'unknown'} end
  local now, absolute, idle = now_ms(), tonumber(s[4]), tonumber(s[5])
  if now >= absolute then return {'expired-absolute'} end
  local seen = last_seen(keys[2], idle, now)
  if not seen then return {'expired-idle'} end
  local due = now - seen >= math.min(TOUCH_MS, idle / 20)
  local reply = {'active', s[7], tonumber(s[6]), seen, idle, absolute, due and 1 or 0}
  if args[2] == '1' then
    local device = redis.call('HMGET', keys[1], 'ua', 'ip')
    reply[8], reply[9] = device[1] or '', device[2] or ''
  end
  return reply
end

-- KEYS t. Moves last seen forward, at most once in the touch interval. It can't bring anything back: it needs t to be
-- there, and whether a session lives is written in s, which it does not touch. Returns 1 when it wrote.
local function touch(keys)
  local known = redis.call('HMGET', keys[1], 'l', 'i')
  local seen, idle = tonumber(known[1] or nil), tonumber(known[2] or nil)
  if not seen or not idle then return 0 end
  local now = now_ms()
  if now - seen >= idle or now - seen < math.min(TOUCH_MS, idle / 20) then return 0 end
  redis.call('HSET', keys[1], 'l', now)
  redis.call('PEXPIRE', keys[1], idle)
  return 1
end

-- KEYS s t; ARGV id, 'hash' or 'user', the secret's hash or the user id that must match, reason. Idempotent, and it
-- always writes, so that a WAIT after it also covers the first attempt. Returns {'revoked' | 'ended' (it had been
-- already) | 'unknown', user id}.
local function revoke(keys, args)
  local s = redis.call('HMGET', keys[1], args[2], 'user', 'state', 'reason')
  if not s[1] or s[1] ~= args[3] then
    fence()
    return {'unknown'}
  end
  local ended = s[3] ~= 'active'
  end_session(keys[1], keys[2], ended and s[4] or args[4], now_ms())
  redis.call('ZREM', 'hf:u:' .. s[2], args[1])
  return {ended and 'ended' or 'revoked', s[2]}
end

-- KEYS u; ARGV reason, id to spare (or ''), and, optional, how many of the newest to leave besides. Returns the ids that
-- were ended.
local function revoke_user(keys, args)
  local now, ended, others, created = now_ms(), {}, {}, {}
  for _, id in ipairs(live_sessions(keys[1], now)) do
    if id ~= args[2] then
      others[#others + 1] = id
      created[id] = tonumber(redis.call('HGET', 'hf:s:' .. id, 'created'))
    end
  end
  table.sort(others, function(a, b)
    if created[a] ~= created[b] then return created[a] < created[b] end
    return a < b
  end)
  for index = 1, #others - tonumber(args[3] or 0) do
    local id = others[index]
    end_session('hf:s:' .. id, 'hf:t:' .. id, args[1], now)
    redis.call('ZREM', keys[1], id)
    ended[#ended + 1] = id
  end
  fence()
  return ended
end

-- KEYS u. Returns the user's live sessions, oldest first: {id, public part, created, seen, idle, absolute, ua, ip} each.
local function list(keys)
  local now, sessions = now_ms(), {}
  for _, id in ipairs(live_sessions(keys[1], now)) do
    local s = redis.call('HMGET', 'hf:s:' .. id, 'pub', 'created', 'idle', 'abs', 'ua', 'ip')
    local seen = tonumber(redis.call('HGET', 'hf:t:' .. id, 'l'))
    sessions[#sessions + 1] = {id, s[1], tonumber(s[2]), seen, tonumber(s[3]), tonumber(s[4]), s[5] or '', s[6] or ''}
  end
  table.sort(sessions, function(a, b) return a[3] < b[3] end)
  return sessions
end

-- KEYS counters; ARGV 'take', then limit and window ms of each counter. Takes one from every counter or from none.
-- ARGV 'give': gives one back to each (the attempt was no failure). Returns 0, or the ms to wait.
local function limit(keys, args)
  if args[1] == 'give' then
    for _, key in ipairs(keys) do
      if tonumber(redis.call('GET', key) or 0) > 0 then redis.call('DECR', key) end
    end
    return 0
  end
  local wait = 0
  for index, key in ipairs(keys) do
    if tonumber(redis.call('GET', key) or 0) >= tonumber(args[index * 2]) then
      wait = math.max(wait, redis.call('PTTL', key), 1)
    end
  end
  if wait > 0 then return wait end
  for index, key in ipairs(keys) do
    if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, args[index * 2 + 1]) end
  end
  return 0
end

local function register(name, callback, flags)
  redis.register_function{function_name = 'holdfast_v1_' .. name, callback = callback, flags = flags}
end

-- Ending a session must work in a Redis that is full.
register('create', create, {})
register('validate', validate, {'no-writes'})
register('touch', touch, {'allow-oom'})
register('revoke', revoke, {'allow-oom'})
register('revoke_user', revoke_user, {'allow-oom'})
register('list', list, {'allow-oom'})
register('limit', limit, {})
