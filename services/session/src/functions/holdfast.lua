#!lua name=holdfast_v1
-- revision: 4
--
-- Everything about a session that must happen at once. Keys (KEYS is always in this order):
--   s  hf:s:<id>       hash, the session as auth wrote it; validators may only read it
--   t  hf:t:<id>       hash, when it was last seen (l), its idle timeout (i), and what was seen of rotation: which secret was
--                      used for the first time (u), when (ut), and that a spent one came back (r); validators may write it
--   u  hf:u:<user id>  sorted set, the user's session ids by absolute expiry
--   o  hf:o:<hash>     sorted set, the ids of the sessions that came of one session at an identity provider, by absolute
--                      expiry, and 'ended' while that one is known to be over; the session's record names it as `link`
-- Times are milliseconds since 1970 by Redis TIME, the only clock. Durations are milliseconds.
-- The revision above grows with every change of this file: an older auth never replaces a newer library.

local SCHEMA = 1               -- the newest record this library can read
local TOMBSTONE_MS = 300000    -- how long an ended session still tells its holder why
local TOUCH_MS = 60000         -- at most one touch per session and minute
local GRACE_MS = 30000         -- how long a secret lives on after its successor was first used
local SPENT_KEPT = 16          -- how many spent secrets are remembered, so that one that comes back is known

-- What rotation adds to s; a session that was never rotated has none of it:
--   next   hash of the successor of `hash` that was made and, as far as s knows, not used yet
--   npub   the public part that comes in force with `next`, after a re-authentication
--   also   hash of a successor that `next` took the place of; it lives and dies with `hash`
--   since  when the newest secret was made
--   spent  the secrets that were replaced, newest first: hash (43 characters), when its grace ends (13), a comma
--   opub   the public part for those in their grace, if it has changed since
local SPENT_LENGTH = 57

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
  redis.call('HDEL', s, 'pub', 'npub', 'opub', 'ua', 'ip')
  redis.call('PEXPIRE', s, TOMBSTONE_MS)
  redis.call('DEL', t)
  local link = redis.call('HGET', s, 'link')
  if link then redis.call('ZREM', link, string.sub(s, 6)) end
end

-- When the session was last seen, or nil once it has idled out, and whether a validator saw a spent secret of it.
local function last_seen(t, idle, now)
  local known = redis.call('HMGET', t, 'l', 'r')
  local seen = tonumber(known[1] or nil)
  if seen and now - seen < idle then return seen, known[2] == '1' end
  return nil, false
end

-- What a touch writes down of a secret that is used for the first time.
local function mark_of(hash)
  return string.sub(hash, 1, 16)
end

-- When the successor was first used as validators saw it, or nil. Their word is not taken for a time to come.
local function first_use(t, next_hash, now)
  if not next_hash then return nil end
  local known = redis.call('HMGET', t, 'u', 'ut')
  local at = tonumber(known[2] or nil)
  if known[1] ~= mark_of(next_hash) or not at or not (at >= 0) then return nil end
  return math.min(at, now)
end

-- What a secret is to the session, by its hash: 'current', 'next', 'graced' (replaced a moment ago and still good),
-- 'spent', or nil for one that it never had.
local function standing_of(s, given, hash, next_hash, used_at, now)
  if given == next_hash then return 'next' end
  local known = given == hash and {} or redis.call('HMGET', s, 'also', 'spent')
  if given == hash or given == known[1] then
    if used_at and now - used_at >= GRACE_MS then return 'spent' end
    return 'current'
  end
  local place = known[2] and string.find(known[2], given, 1, true)
  if not place or #given ~= 43 or (place - 1) % SPENT_LENGTH ~= 0 then return nil end
  if now < tonumber(string.sub(known[2], place + 43, place + 55)) then return 'graced' end
  return 'spent'
end

-- Whether that is, or was, a secret of the session.
local function has_secret(s, given)
  local known = redis.call('HMGET', s, 'hash', 'next')
  return known[1] and standing_of(s, given, known[1], known[2], nil, 0) ~= nil
end

-- An index lives as long as the last of those in it.
local function add_to_index(index, expires, id)
  redis.call('ZADD', index, expires, id)
  redis.call('PEXPIREAT', index, redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2])
end

-- Drops what can't be used any more from the user's index, ends what has idled out, and returns the ids that live.
local function live_sessions(u, now)
  redis.call('ZREMRANGEBYSCORE', u, '-inf', now)
  local live = {}
  for _, id in ipairs(redis.call('ZRANGE', u, 0, -1)) do
    local s, t = 'hf:s:' .. id, 'hf:t:' .. id
    local record = redis.call('HMGET', s, 'state', 'idle')
    local seen, reused = last_seen(t, tonumber(record[2] or 0), now)
    if record[1] == 'active' and seen and not reused then
      live[#live + 1] = id
    else
      if record[1] == 'active' then end_session(s, t, reused and 'reused' or 'expired-idle', now) end
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
    if id == replaced_id and has_secret('hf:s:' .. id, replaced_hash) then
      replaced = 1
    else
      count = count + 1
    end
  end
  return count, replaced
end

-- KEYS s t u; ARGV id, secret hash, user id, public part (JSON), idle ms, lifetime ms, user agent, ip, and, optional: how
-- many sessions the user may have (0: any number), 'deny-new' to refuse one more, id and secret hash of the session that
-- this one replaces, and when the user proved who they are, if before now. KEYS may have o behind: then {'ended'} says
-- that the provider has ended its session already. The public part ends with `"authenticatedAtMs":` and gets that time from
-- here. Safe to repeat with the same id and hash: a client that lost the answer asks again. Returns {'created', now,
-- absolute expiry, how many sessions are too many, 1 if there is one that it replaces} or {'limit'}. It ends none that are
-- too many: that is for revoke_user, once this one is safe.
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
  local authenticated = math.min(tonumber(args[13] or '') or now, now)
  local o = keys[4]
  if o then
    redis.call('ZREMRANGEBYSCORE', o, '-inf', now)
    if redis.call('ZSCORE', o, 'ended') then return {'ended'} end
    redis.call('HSET', s, 'link', o)
    add_to_index(o, absolute, id)
  end
  redis.call('HSET', s, 'v', SCHEMA, 'user', user, 'hash', hash, 'gen', 0, 'created', now, 'idle', idle, 'abs', absolute,
    'state', 'active', 'pub', pub .. authenticated .. '}', 'ua', args[7], 'ip', args[8])
  redis.call('PEXPIREAT', s, absolute + TOMBSTONE_MS)
  redis.call('HSET', t, 'l', now, 'i', idle)
  redis.call('PEXPIRE', t, idle)
  add_to_index(u, absolute, id)
  return {'created', now, absolute, max > 0 and math.max(0, others + 1 - max) or 0, replaced}
end

-- KEYS s t; ARGV secret hash, '1' for the device as well, and, from auth only, how often secrets are rotated (ms, 0: never).
-- Reads only, so that FCALL_RO can call it, on a replica too. Returns {outcome, …}; the reason a session ended is told only
-- to a caller that has a secret of it. An active one: {'active', public part, created, seen, idle, absolute expiry, 1 if a
-- touch is due, user agent, ip, now, 1 if the secret is used for the first time, 1 if auth has to note that (rotate) or
-- 2 if it may give out a successor, 1 if no rotation is under way}; the reply only ever grows at its end.
local function validate(keys, args, at)
  local s = redis.call('HMGET', keys[1], 'v', 'hash', 'state', 'abs', 'idle', 'created', 'pub', 'reason', 'next')
  if not s[2] then return {'unknown'} end
  local now = at or now_ms()
  local used_at = first_use(keys[2], s[9], now)
  local standing = standing_of(keys[1], args[1], s[2], s[9], used_at, now)
  if not standing then return {'unknown'} end
  if tonumber(s[1]) > SCHEMA then return {'schema'} end
  if s[3] ~= 'active' then return {'ended', s[8] or 'unknown'} end
  local absolute, idle = tonumber(s[4]), tonumber(s[5])
  if now >= absolute then return {'expired-absolute'} end
  local seen, reused = last_seen(keys[2], idle, now)
  if not seen then return {'expired-idle'} end
  if reused or standing == 'spent' then return {'ended', 'reused'} end
  local pub, device, rotation = s[7], {}, 0
  if standing == 'next' then pub = redis.call('HGET', keys[1], 'npub') or pub end
  if standing == 'graced' then pub = redis.call('HGET', keys[1], 'opub') or pub end
  if args[2] == '1' then device = redis.call('HMGET', keys[1], 'ua', 'ip') end
  if standing == 'next' then
    rotation = 1
  elseif args[3] then
    local every = tonumber(args[3])
    local made = tonumber(redis.call('HGET', keys[1], 'since') or s[6])
    if s[9] or standing == 'graced' or (every > 0 and now - made >= every) then rotation = 2 end
  end
  local due = now - seen >= math.min(TOUCH_MS, idle / 20)
  return {'active', pub, tonumber(s[6]), seen, idle, absolute, due and 1 or 0, device[1] or '', device[2] or '', now,
    standing == 'next' and not used_at and 1 or 0, rotation, standing == 'current' and not s[9] and 1 or 0}
end

-- KEYS s t s t …; ARGV those of validate for each. Validations that were asked for at the same moment, as one command: what
-- a call costs is paid once for all of them. Returns a text for each, the parts of validate's answer as lines: one text is
-- cheaper to read than many values. A record that can't be read spoils only its own answer.
local function validate_each(keys, args)
  local now, count, replies = now_ms(), #keys / 2, {}
  local width = #args / count
  for i = 1, count do
    local own = {}
    for j = 1, width do own[j] = args[(i - 1) * width + j] end
    local read, reply = pcall(validate, {keys[2 * i - 1], keys[2 * i]}, own, now)
    replies[i] = read and table.concat(reply, '\n') or 'unreadable'
  end
  return replies
end

-- KEYS t; ARGV, optional: the hash of a secret that is used for the first time, or 'reused'. Moves last seen forward, at
-- most once in the touch interval. It can't bring anything back: it needs t to be there, and whether a session lives is
-- written in s, which it does not touch. Returns 1 when it wrote.
local function touch(keys, args)
  local known = redis.call('HMGET', keys[1], 'l', 'i', 'u')
  local seen, idle = tonumber(known[1] or nil), tonumber(known[2] or nil)
  if not seen or not idle then return 0 end
  local now, changes = now_ms(), {}
  if now - seen >= idle then return 0 end
  if args[1] == 'reused' then
    changes = {'r', '1'}
  elseif args[1] and known[3] ~= mark_of(args[1]) then
    changes = {'u', mark_of(args[1]), 'ut', now}
  end
  local due = now - seen >= math.min(TOUCH_MS, idle / 20)
  if due then
    changes[#changes + 1] = 'l'
    changes[#changes + 1] = now
  end
  if #changes == 0 then return 0 end
  redis.call('HSET', keys[1], unpack(changes))
  if due then redis.call('PEXPIRE', keys[1], idle) end
  return 1
end

-- Puts the successor in the place of the current secret, which lives on for a while.
local function promote(s, hash, next_hash, used_at, now)
  local known = redis.call('HMGET', s, 'gen', 'also', 'spent', 'pub', 'npub')
  local grace_ends = string.format('%013.0f,', (used_at or now) + GRACE_MS)
  local spent, older = hash .. grace_ends, known[3] or ''
  if known[2] then spent = known[2] .. grace_ends .. spent end
  redis.call('HSET', s, 'hash', next_hash, 'gen', tonumber(known[1]) + 1,
    'spent', string.sub(spent .. older, 1, SPENT_KEPT * SPENT_LENGTH))
  if known[5] then
    redis.call('HSET', s, 'pub', known[5], 'opub', known[4])
  elseif now >= (tonumber(string.sub(older, 44, 56)) or 0) then
    redis.call('HDEL', s, 'opub')
  end
  redis.call('HDEL', s, 'next', 'also', 'npub')
end

-- KEYS s t; ARGV id, secret hash, how old the newest secret must be (ms), public part after a re-authentication (as in
-- create) or '', and the hashes a successor may have, the preferred one first. Whoever asks with the same secret gets the
-- same successor, however often. Without any of these hashes it only writes down what validate found: that a successor is
-- in use, or that a spent secret came back, which ends the session. Returns {'rotated', hash of the successor, its public
-- part}, {'kept'} when there is none for this caller now, or as validate, with the user id behind 'reused' when this call
-- ended it. It always writes, so that a WAIT after it also covers what an earlier call has written.
local function rotate(keys, args)
  local s, t, now = keys[1], keys[2], now_ms()
  fence()
  local known = redis.call('HMGET', s, 'hash', 'next', 'v', 'state', 'reason', 'abs', 'idle', 'user', 'since', 'created')
  local hash, next_hash = known[1], known[2]
  if not hash then return {'unknown'} end
  local used_at = first_use(t, next_hash, now)
  local standing = standing_of(s, args[2], hash, next_hash, used_at, now)
  if not standing then return {'unknown'} end
  if tonumber(known[3]) > SCHEMA then return {'schema'} end
  if known[4] ~= 'active' then return {'ended', known[5] or 'unknown'} end
  if now >= tonumber(known[6]) then return {'expired-absolute'} end
  local seen, reused = last_seen(t, tonumber(known[7]), now)
  if not seen then return {'expired-idle'} end
  if reused or standing == 'spent' then
    end_session(s, t, 'reused', now)
    redis.call('ZREM', 'hf:u:' .. known[8], args[1])
    return {'ended', 'reused', known[8]}
  end
  if next_hash and (standing == 'next' or used_at) then
    promote(s, hash, next_hash, used_at, now)
    standing = standing == 'next' and 'current' or 'graced'
    hash, next_hash = next_hash, false
  end
  if #args < 5 then return {'kept'} end

  local pub = args[4] ~= '' and args[4] .. now .. '}'
  local made = next_hash or (standing == 'graced' and hash)
  for index = 5, #args do
    if args[index] == made then
      if pub then redis.call('HSET', s, next_hash and 'npub' or 'pub', pub) end
      local parts = redis.call('HMGET', s, 'pub', 'npub')
      return {'rotated', made, parts[2] or parts[1]}
    end
  end
  local age = now - tonumber(known[9] or known[10])
  local also = redis.call('HGET', s, 'also')
  if not pub then
    -- A successor that was derived with another key, or after a re-authentication, is not taken away in a hurry.
    if standing == 'graced' or (next_hash and (also or age < GRACE_MS)) then return {'kept'} end
    if not next_hash and age < tonumber(args[3]) then return {'kept'} end
  end
  if next_hash and not also then redis.call('HSET', s, 'also', next_hash) end
  redis.call('HSET', s, 'next', args[5], 'since', now)
  if pub then redis.call('HSET', s, 'npub', pub) else redis.call('HDEL', s, 'npub') end
  return {'rotated', args[5], pub or redis.call('HGET', s, 'pub')}
end

-- KEYS s t; ARGV id, 'hash' or 'user', the secret's hash or the user id that must match, reason. Idempotent, and it
-- always writes, so that a WAIT after it also covers the first attempt. Returns {'revoked' | 'ended' (it had been
-- already) | 'unknown', user id}.
local function revoke(keys, args)
  local s = redis.call('HMGET', keys[1], args[2], 'user', 'state', 'reason')
  if not s[1] or not (s[1] == args[3] or (args[2] == 'hash' and has_secret(keys[1], args[3]))) then
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

-- KEYS o; ARGV reason, the user id that must match, or '', and '1' where it is certain that the provider's session is over:
-- then a login that is under way with it comes too late. Returns id and user id of each session that was ended.
local function revoke_linked(keys, args)
  local o, now, ended = keys[1], now_ms(), {}
  for _, id in ipairs(redis.call('ZRANGE', o, 0, -1)) do
    local s = 'hf:s:' .. id
    local record = redis.call('HMGET', s, 'state', 'user')
    if record[1] == 'active' and (args[2] == '' or record[2] == args[2]) then
      end_session(s, 'hf:t:' .. id, args[1], now)
      redis.call('ZREM', 'hf:u:' .. record[2], id)
      ended[#ended + 1] = id
      ended[#ended + 1] = record[2]
    end
  end
  redis.call('ZREMRANGEBYSCORE', o, '-inf', now)
  if args[3] == '1' then add_to_index(o, now + TOMBSTONE_MS, 'ended') end
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
register('validate', function(keys, args) return validate(keys, args) end, {'no-writes'})
register('validate_each', validate_each, {'no-writes'})
register('touch', touch, {'allow-oom'})
register('rotate', rotate, {'allow-oom'})
register('revoke', revoke, {'allow-oom'})
register('revoke_user', revoke_user, {'allow-oom'})
register('revoke_linked', revoke_linked, {'allow-oom'})
register('list', list, {'allow-oom'})
register('limit', limit, {})
