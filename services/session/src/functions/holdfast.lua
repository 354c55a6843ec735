#!lua name=holdfast_v2
-- revision: 9
--
-- Everything about a session that must happen at once. An id is 22 characters: 9 that all sessions of a user share (the
-- part), and 13 of its own (the rest). Keys (KEYS is always in this order):
--   s  hf:s:<part>     hash, the user's sessions as auth wrote them, by rest; validators may only read it, one by one
--   t  hf:t:<part>     hash, by rest, when each was last seen, or 'reused' once a spent secret of it came back; and by rest
--                      .. 'u' which secret was used for the first time, and when. Validators may write it
--   o  hf:o:<hash>     sorted set, the ids of the sessions that came of one session at an identity provider, by absolute
--                      expiry, and 'ended' while that one is known to be over; the session's record names it as `link`
--      hf:s:<part>~    hash, by rest, fingerprints of the secrets that a session had before those in its record, one behind the
--                      other. Only auth writes it; it is read only for a secret that the record does not know
--      hf:s:<hash>     hash, what is left of the session whose id has that hash, which has ended (`ended`), for as long as its
--                      holder is told why
-- A validator can hear the names of keys that change (CLIENT TRACKING): none tells what it does not know already.
-- Two users may share a part by accident: whatever is about a user compares the user.
-- s and t expire with the last of those in them. What is over before goes when the user next logs in, is listed or ended.
-- Times are milliseconds since 1970 by Redis TIME, the only clock. Durations are milliseconds.
-- The revision above grows with every change of this file: an older auth never replaces a newer library.

local SCHEMA = 2               -- the newest record this library can read
local ID = 22                  -- how many characters an id has
local PART = 9                 -- how many of them its user's sessions share
local HASH = 43                -- how many characters the hash of a secret has
local TOMBSTONE_MS = 300000    -- how long an ended session still tells its holder why
local TOUCH_MS = 60000         -- at most one touch per session and minute
local GRACE_MS = 30000         -- how long a secret lives on after its successor was first used
local MARK = 22                -- how many characters of a hash tell secrets of a session apart (132 bits)
local SPENT_LENGTH = MARK + 13
local LONGEST_TIME = 64        -- nothing that is longer is a value of t
local FINGERPRINT = 10         -- how many characters of a hash are kept for as long as the session lives (60 bits)
local ROTATIONS = 3000         -- how often the secret may be replaced in the session's life, evenly spread, as none is forgotten
local ROTATIONS_AT_ONCE = 32   -- how many of these may come before their time; twice as many with re-authentications
local UNUSED = 8               -- how many successors that nobody used may be kept besides the newest
local BATCH = 64               -- how many sessions one call validates at most; no release of the services asks for more
local FOREVER = 1e15           -- a time in milliseconds that never comes
local READ = 300               -- about how many sessions a call reads at most. It bounds how long a call keeps Redis busy
local ENDED = 100              -- how many sessions a call ends at most
local MOST = 200               -- the largest limit of sessions per user (session-limits.ts has it too)
local COUNTED = 1000           -- with more keys than so many, sessions are estimated from random ones
local SAMPLED = 500            -- from so many of them

-- A record is MessagePack, its values one behind the other; a validation reads it at every request:
--   v        SCHEMA
--   hash     of the secret (SHA-256, base64url)
--   created  when it began
--   idle     timeout
--   life     absolute timeout
--   user     the user id, as JSON
--   facts    the rest of the public part, as JSON: roles, amr, and when the user proved who they are, counted from `created`
--   ua, ip   the device
--   more     a map of what most sessions have nothing of: `link`, and what rotation adds:
--     next   hash of the successor of `hash` that was made and, as far as s knows, not used yet
--     nfacts the facts that come in force with `next`, after a re-authentication
--     also   hashes of successors that `next` took the place of; they live and die with `hash`
--     since  when the newest secret was made
--     gen    how many secrets were replaced before this one, used or not
--     spent  the secrets that were replaced and, when the last one was, still in their grace, newest first: MARK characters of
--            the hash, when its grace ends (13). The others are fingerprints in hf:s:<part>~, and those of an ended session are
--            in what is left of it, as `old`
--     ofacts the facts that those in their grace were given with, by MARK, where they are not `facts`. Libraries before
--            revision 8 wrote one text for all of them
local function read_record(rest, raw)
  local v, hash, created, idle, life, user, facts, ua, ip, more = cmsgpack.unpack(raw)
  return {rest = rest, v = v, hash = hash, created = created, idle = idle, life = life, absolute = created + life,
    user = user, facts = facts, ua = ua, ip = ip, more = more or {}}
end

local function write_record(s, r)
  local more = next(r.more) and cmsgpack.pack(r.more) or ''
  redis.call('HSET', s, r.rest,
    cmsgpack.pack(r.v, r.hash, r.created, r.idle, r.life, r.user, r.facts, r.ua, r.ip) .. more)
end

local function part_of(key) return string.sub(key, 6) end

local function ended_key(id) return 'hf:s:' .. string.sub(redis.sha1hex(id), 1, ID) end

-- What is left of an ended session. Libraries before revision 6 named it by the id itself, which an upgrade may still meet.
local function read_ended(id)
  return redis.call('HGET', ended_key(id), 'ended') or redis.call('HGET', 'hf:s:' .. id, 'ended')
end

local function old_key(part) return 'hf:s:' .. part .. '~' end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Gives WAIT an offset that lies behind every earlier write, for calls that found nothing left to change.
local function fence()
  redis.call('SET', 'hf:rl:fence', '1', 'PX', 60000)
end

-- What is in t, or nil. Validators write there, so it may be anything, and t itself may be anything but a hash.
local function read_time(t, field)
  local value = redis.pcall('HGET', t, field)
  return type(value) == 'string' and #value <= LONGEST_TIME and value or nil
end

-- The time that such a value stands for, as a whole number that is finite and not negative; nil where it stands for none.
local function to_time(value)
  local at = value and tonumber(value)
  if not at or not (at >= 0) then return nil end
  return math.floor(math.min(at, FOREVER))
end

-- Writes to t. Where something else than a hash is in its place, that goes.
local function write_times(command, t, ...)
  local reply = redis.pcall(command, t, ...)
  if type(reply) ~= 'table' or not reply.err then return end
  -- Deletes it: it may not be there any more.
  if string.find(reply.err, '^WRONGTYPE') then redis.call('PEXPIREAT', t, 1) end
  redis.call(command, t, ...)
end

local function end_session(part, r, reason, now)
  local s, id, more = 'hf:s:' .. part, part .. r.rest, r.more
  local ended = ended_key(id)
  redis.call('HDEL', s, r.rest)
  write_times('HDEL', 'hf:t:' .. part, r.rest, r.rest .. 'u')
  local secrets = {next = more.next, also = more.also, spent = more.spent}
  if more.gen then
    secrets.old = redis.call('HGET', old_key(part), r.rest) or nil
    redis.call('HDEL', old_key(part), r.rest)
  end
  redis.call('HSET', ended, 'ended', cmsgpack.pack(reason, r.user, r.hash, secrets))
  redis.call('PEXPIREAT', ended, now + TOMBSTONE_MS)
  if more.link then redis.call('ZREM', more.link, id) end
end

-- When the session was last seen, or nil once it has idled out; whether a validator saw a spent secret of it; and whether a
-- touch is due.
local function last_seen(t, rest, idle, now)
  local known = read_time(t, rest)
  if known == 'reused' then return now, true, false end
  local at = to_time(known)
  if not at or now - at >= idle then return nil, false, false end
  -- One that lies ahead was not written by a touch, and the next touch mends it.
  local age = math.abs(now - at)
  return math.min(at, now), false, age >= TOUCH_MS or age >= idle / 20
end

local function mark_of(hash) return string.sub(hash, 1, MARK) end

-- When the successor was first used as validators saw it, or nil. Their word is not taken for a time to come.
local function first_use(t, rest, next_hash, now)
  local known = read_time(t, rest .. 'u')
  if not known or mark_of(known) ~= mark_of(next_hash) then return nil end
  local at = to_time(string.sub(known, MARK + 1))
  return at and math.min(at, now)
end

-- Where a text has another that takes its place in a row of some that are all so long, or nil.
local function place_of(wanted, row, length)
  local place = string.find(row, wanted, 1, true)
  while place and (place - 1) % length ~= 0 do place = string.find(row, wanted, place + 1, true) end
  return place
end

-- What a secret is to the session, by its hash: 'current', 'next', 'graced' (replaced a moment ago and still good),
-- 'spent', or nil for one that it never had. A guess is taken for a spent one with a chance of one in 2^60 for each secret that
-- the session has had; it ends the session, and lets nobody in.
local function standing_of(given, hash, more, used_at, now, part, rest)
  if #given ~= HASH then return nil end
  if more and given == more.next then return 'next' end
  if given == hash or (more and more.also and place_of(given, more.also, HASH)) then
    if used_at and now - used_at >= GRACE_MS then return 'spent' end
    return 'current'
  end
  if not more then return nil end
  local place = more.spent and place_of(mark_of(given), more.spent, SPENT_LENGTH)
  if place then
    if now < tonumber(string.sub(more.spent, place + MARK, place + SPENT_LENGTH - 1)) then return 'graced' end
    return 'spent'
  end
  local old = more.old or (more.gen and part and redis.call('HGET', old_key(part), rest))
  if old and place_of(string.sub(given, 1, FINGERPRINT), old, FINGERPRINT) then return 'spent' end
  return nil
end

-- How many secrets have been replaced, or wait to be.
local function replaced_of(more)
  return more and (more.gen or 0) + #(more.also or '') / HASH or 0
end

-- Whether the secret may have been replaced so often by now. None is forgotten, so that nobody can make the session forget
-- one by replacing those that follow, and what must be kept has an end.
local function may_rotate(more, created, life, at_once, now)
  return replaced_of(more) < at_once + ROTATIONS * (now - created) / life
end

-- The facts of a secret in its grace are those it was given with, whatever the user has proved since.
local function facts_in_grace(more, mark, facts)
  local kept = more.ofacts
  return type(kept) == 'table' and kept[mark] or type(kept) == 'string' and kept or facts
end

-- Whether the secret that the current one took the place of is still good.
local function in_grace(more, now)
  return more and more.spent and now < tonumber(string.sub(more.spent, MARK + 1, SPENT_LENGTH))
end

-- What is told about a session that is not in s: why it ended, to a caller that has a secret of it.
local function told_of(id, given)
  local raw = read_ended(id)
  if not raw then return 'unknown' end
  local reason, _, hash, more = cmsgpack.unpack(raw)
  if not standing_of(given, hash, more, nil, 0) then return 'unknown' end
  return 'ended', reason
end

-- An index lives as long as the last of those in it.
local function add_to_index(index, expires, id)
  redis.call('ZADD', index, expires, id)
  redis.call('PEXPIREAT', index, redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2])
end

-- Removes from a sorted set those whose time is over, about ENDED of them at most.
local function prune(key, now)
  local last = redis.call('ZRANGE', key, ENDED - 1, ENDED - 1, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', math.min(now, tonumber(last) or now))
end

-- What is in s, by turns rest and record. Where that is more than READ, which releases before had no limit for, a part of it.
-- Returns with it where to go on ('0': that was the last part), and whether it is all.
local function read_some(part, cursor)
  local s = 'hf:s:' .. part
  if redis.call('HLEN', s) <= READ then return redis.call('HGETALL', s), '0', true end
  local reply = redis.call('HSCAN', s, cursor or '0', 'COUNT', READ)
  return reply[2], reply[1], false
end

-- As records, but for those that nobody has to be told of any more: they go. A record that can't be read is left alone.
local function read_records(part, now, cursor)
  local s, records = 'hf:s:' .. part, {}
  local all, following, whole = read_some(part, cursor)
  for index = 1, #all, 2 do
    local read, r = pcall(read_record, all[index], all[index + 1])
    if read and now >= r.absolute + TOMBSTONE_MS then
      redis.call('HDEL', s, r.rest)
      write_times('HDEL', 'hf:t:' .. part, r.rest, r.rest .. 'u')
      if r.more.gen then redis.call('HDEL', old_key(part), r.rest) end
    elseif read then
      records[#records + 1] = r
    end
  end
  return records, following, whole
end

-- To write what is so already would be a change to replicas and to services' caches.
local function expire_at(key, at)
  if redis.call('PEXPIRETIME', key) ~= at then redis.call('PEXPIREAT', key, at) end
end

-- @param whole whether the records are all in s; with others in it, it can only be made to last longer
local function expire_with_last(part, records, whole)
  local last = whole and 0 or redis.call('PEXPIRETIME', 'hf:s:' .. part) - TOMBSTONE_MS
  for _, r in ipairs(records) do last = math.max(last, r.absolute) end
  if last <= 0 then return end
  expire_at('hf:s:' .. part, last + TOMBSTONE_MS)
  expire_at('hf:t:' .. part, last)
end

-- Ends what has idled out, ENDED of them at most. Returns the user's sessions that live, oldest first, whatever else stays in
-- s, where to go on, whether these are all, and how many more sessions this call may end.
local function live_sessions(part, user, now, cursor)
  local live, others, may_end = {}, {}, ENDED
  local read, following, whole = read_records(part, now, cursor)
  for _, r in ipairs(read) do
    local seen, reused = last_seen('hf:t:' .. part, r.rest, r.idle, now)
    r.seen = seen
    if now >= r.absolute then
      others[#others + 1] = r
    elseif reused or not seen then
      if may_end > 0 then
        end_session(part, r, reused and 'reused' or 'expired-idle', now)
        may_end = may_end - 1
      else
        others[#others + 1] = r
      end
    elseif r.user == user then
      live[#live + 1] = r
    else
      others[#others + 1] = r
    end
  end
  table.sort(live, function(a, b)
    if a.created ~= b.created then return a.created < b.created end
    return a.rest < b.rest
  end)
  return live, others, following, whole, may_end
end

-- KEYS s t; ARGV id, secret hash, user id (JSON), facts (JSON) but for the time at their end, idle ms, lifetime ms, user
-- agent, ip, and, optional: how many sessions the user may have (0, as older services
-- say: any number), 'deny-new' to refuse one more, id and secret hash of the session that this one replaces, and when the user
-- proved who they are, if before now. KEYS may have o behind: then {'ended'} says that the provider has ended its session already. Safe to repeat
-- with the same id and hash: a client
-- that lost the answer asks again. Returns {'created', now, absolute expiry, how many sessions are too many, 1 if there is
-- one that it replaces}, {'limit'}, or {'exists'}. It ends none that are too many: that is for revoke_user, once this one is
-- safe.
local function create(keys, args)
  local s, t, o, part = keys[1], keys[2], keys[3], part_of(keys[1])
  local id, hash, user, idle, lifetime = args[1], args[2], args[3], tonumber(args[5]), tonumber(args[6])
  local rest = string.sub(id, PART + 1)
  local known = redis.call('HGET', s, rest)
  if known then
    local r = read_record(rest, known)
    if r.hash ~= hash or r.user ~= user then return {'exists'} end
    fence()
    return {'created', r.created, r.absolute, 0, 0}
  end
  if read_ended(id) then return {'exists'} end
  local now = now_ms()
  local live, records, _, whole = live_sessions(part, user, now)
  local count, replaced = 0, 0
  for _, r in ipairs(live) do
    -- The caller must have a secret of the one that is to be replaced.
    if part .. r.rest == args[11] and standing_of(args[12], r.hash, r.more, nil, 0, part, r.rest) then
      replaced = 1
    else
      count = count + 1
    end
    records[#records + 1] = r
  end
  local absolute, max = now + lifetime, math.min(tonumber(args[9] or 0), MOST)
  if max > 0 and count >= max and args[10] == 'deny-new' then return {'limit'} end
  if o then
    prune(o, now)
    if tonumber(redis.call('ZSCORE', o, 'ended') or 0) > now then return {'ended'} end
    add_to_index(o, absolute, id)
  end
  local authenticated = math.min(tonumber(args[13] or '') or now, now)
  local r = {rest = rest, v = SCHEMA, hash = hash, created = now, idle = idle, life = lifetime, absolute = absolute,
    user = user, facts = args[4] .. (authenticated - now), ua = args[7], ip = args[8], more = {link = o}}
  write_record(s, r)
  write_times('HSET', t, rest, now)
  records[#records + 1] = r
  expire_with_last(part, records, whole)
  local too_many = math.max(whole and 0 or 1, count + 1 - max)
  return {'created', now, absolute, max > 0 and too_many or 0, replaced}
end

-- Reads only. Returns an outcome and what belongs to it; the reason a session ended is told only to a caller that has a
-- secret of it. Of an active one: 'active', public part, created, seen, idle, absolute expiry, 1 if a touch is due, user
-- agent, ip, now, 1 if the secret is used for the first time, 1 if auth has to note that (rotate) or 2 if it may give out a
-- successor, 1 if no rotation is under way; this only ever grows at its end.
local function judge(s, t, rest, given, every, now)
  local raw = redis.call('HGET', s, rest)
  if not raw then return told_of(part_of(s) .. rest, given) end
  local v, hash, created, idle, life, user, facts, ua, ip, more = cmsgpack.unpack(raw)
  if v > SCHEMA then return 'schema' end
  local next_hash = more and more.next
  local used_at = next_hash and first_use(t, rest, next_hash, now)
  local standing = standing_of(given, hash, more, used_at, now, part_of(s), rest)
  local absolute = created + life
  if not standing or now >= absolute + TOMBSTONE_MS then return 'unknown' end
  if now >= absolute then return 'expired-absolute' end
  local seen, reused, due = last_seen(t, rest, idle, now)
  if not seen then return 'expired-idle' end
  if reused or standing == 'spent' then return 'ended', 'reused' end
  local rotation = '0'
  if standing == 'next' then
    facts = more.nfacts or facts
    rotation = '1'
  elseif standing == 'graced' then
    facts = facts_in_grace(more, mark_of(given), facts)
  end
  if every and rotation == '0' then
    local made = more and more.since or created
    if next_hash or standing == 'graced' then
      rotation = '2'
    elseif every > 0 and now - made >= every and not in_grace(more, now) and
        may_rotate(more, created, life, ROTATIONS_AT_ONCE, now) then
      rotation = '2'
    end
  end
  return 'active', user .. ',' .. facts, created, seen, idle, absolute,
    due and '1' or '0', ua, ip, now, standing == 'next' and not used_at and '1' or '0',
    rotation, standing == 'current' and not next_hash and '1' or '0'
end

-- KEYS s t; ARGV rest, secret hash, and, from auth only, how often secrets are rotated (ms, 0: never). Flagged as a read, so
-- that FCALL_RO can call it, on a replica too.
local function validate(keys, args)
  return {judge(keys[1], keys[2], args[1], args[2], tonumber(args[3]), now_ms())}
end

-- Redis does nothing else during a call, so that a caller who asks for more could keep it from all others.
local function too_many_asked() return redis.error_reply('ERR one call validates ' .. BATCH .. ' sessions at most') end

-- ARGV: id and secret hash of each, all in one text. Validations that were asked for at the same moment, as one command with one
-- argument: what a call costs is paid once for all of them. Returns a text for each: validate's answer but for the device as a
-- JSON array, and in it the public part as one, since one text is cheaper to read than many values. A record that can't be
-- read spoils only its own answer.
local function validate_batch(_, args)
  local asked, now, replies = args[1], now_ms(), {}
  if #asked > BATCH * (ID + HASH) then return too_many_asked() end
  local rest_of_reply = string.format(',0,0,%.0f,', now)
  for at = 1, #asked, ID + HASH do
    local part, rest = string.sub(asked, at, at + PART - 1), string.sub(asked, at + PART, at + ID - 1)
    local read, outcome, a, created, seen, idle, absolute, due, _, _, _, first, rotation, settled =
      pcall(judge, 'hf:s:' .. part, 'hf:t:' .. part, rest, string.sub(asked, at + ID, at + ID + HASH - 1), nil, now)
    local reply = read and outcome or 'unreadable'
    if reply == 'active' then
      -- %d takes a fraction of the time that Lua takes for a number that is to be text.
      reply = '["active",[' .. a .. string.format('],%d,%d,%d,%d,', created, seen, idle, absolute) .. due ..
        rest_of_reply .. first .. ',' .. rotation .. ',' .. settled .. ']'
    elseif read and a then
      reply = '["' .. reply .. '",' .. cjson.encode(a) .. ']'
    else
      reply = '["' .. reply .. '"]'
    end
    replies[#replies + 1] = reply
  end
  return replies
end

-- As services before revision 3 ask, which an upgrade replaces one by one. KEYS s t s t …; ARGV rest and secret hash of each.
-- Returns a text for each, the parts of validate's answer but the device as lines.
local function validate_each(keys, args)
  if #keys > BATCH * 2 then return too_many_asked() end
  local now, replies = now_ms(), {}
  local rest_of_line = string.format('\n\n\n%.0f\n', now)
  for i = 1, #keys, 2 do
    local read, outcome, a, created, seen, idle, absolute, due, _, _, _, first, rotation, settled =
      pcall(judge, keys[i], keys[i + 1], args[i], args[i + 1], nil, now)
    local reply = read and outcome or 'unreadable'
    if reply == 'active' then
      reply = 'active\n' .. a .. string.format('\n%d\n%d\n%d\n%d\n', created, seen, idle, absolute) .. due ..
        rest_of_line .. first .. '\n' .. rotation .. '\n' .. settled
    elseif read and a then
      reply = reply .. '\n' .. a
    end
    replies[#replies + 1] = reply
  end
  return replies
end

-- KEYS t; ARGV rest, and, optional, the hash of a secret that is used for the first time, or 'reused'. Moves last seen
-- forward, at most once in the touch interval. It can't bring anything back, nor make t last: it needs the session to be in
-- both s and t, and not to have idled out. s is not among KEYS since its caller may only read it. Returns 1 when it wrote.
local function touch(keys, args)
  local t, rest, used = keys[1], args[1], args[2]
  local raw = redis.call('HGET', 'hf:s:' .. part_of(t), rest)
  if not raw then return 0 end
  local _, _, created, idle, life = cmsgpack.unpack(raw)
  local now = now_ms()
  local seen, reused, due = last_seen(t, rest, idle, now)
  if not seen or reused or now >= created + life then return 0 end
  if used == 'reused' then
    redis.call('HSET', t, rest, used)
    return 1
  end
  local wrote = 0
  if used and mark_of(read_time(t, rest .. 'u') or '') ~= mark_of(used) then
    redis.call('HSET', t, rest .. 'u', mark_of(used) .. now)
    wrote = 1
  end
  if due then
    redis.call('HSET', t, rest, now)
    wrote = 1
  end
  return wrote
end

-- Puts the successor in the place of the current secret, which lives on for a while.
local function promote(s, t, r, used_at, now)
  local more, grace_ends = r.more, string.format('%013.0f', (used_at or now) + GRACE_MS)
  local older, also, spent, old = more.spent or '', more.also or '', {}, {}
  local facts, kept = more.nfacts or r.facts, {}
  local function keep(mark, ends, its_facts)
    spent[#spent + 1] = mark .. ends
    if its_facts ~= facts then kept[mark] = its_facts end
  end
  for at = 1, #also, HASH do keep(string.sub(also, at, at + MARK - 1), grace_ends, r.facts) end
  keep(mark_of(r.hash), grace_ends, r.facts)
  for at = 1, #older, SPENT_LENGTH do
    local mark, ends = string.sub(older, at, at + MARK - 1), string.sub(older, at + MARK, at + SPENT_LENGTH - 1)
    if now < tonumber(ends) then
      keep(mark, ends, facts_in_grace(more, mark, r.facts))
    else
      old[#old + 1] = string.sub(mark, 1, FINGERPRINT)
    end
  end
  more.gen = replaced_of(more) + 1
  r.facts, more.ofacts = facts, next(kept) and kept or nil
  r.hash, more.next, more.also, more.nfacts = more.next, nil, nil, nil
  more.spent = table.concat(spent)
  if #old > 0 then
    local key = old_key(part_of(s))
    redis.call('HSET', key, r.rest, (redis.call('HGET', key, r.rest) or '') .. table.concat(old))
    redis.call('PEXPIREAT', key, math.max(redis.call('PEXPIRETIME', s), r.absolute + TOMBSTONE_MS))
  end
  write_times('HDEL', t, r.rest .. 'u')
end

-- KEYS s t; ARGV id, secret hash, how old the newest secret must be (ms), facts after a re-authentication (as in create) or
-- '', and the hashes a successor may have, the preferred one first. Whoever asks with the same secret gets the same
-- successor, however often. While the secret before is in its grace, or when the secret was replaced too often already, there
-- is none without a re-authentication. Without any of these hashes it only writes down what validate found: that a successor is in
-- use, or that a spent secret came back, which ends the session. Returns {'rotated', hash of the successor, its public part,
-- created}, {'kept'} when there is none for this caller now, {'limited', ms} when a re-authentication has to wait so long, or
-- as validate, with the user id (JSON) behind 'reused' when this call ended it. It always writes, so that a WAIT after it also covers what an earlier call has written.
local function rotate(keys, args)
  local s, t, part, now = keys[1], keys[2], part_of(keys[1]), now_ms()
  local id, given = args[1], args[2]
  fence()
  local rest = string.sub(id, PART + 1)
  local raw = redis.call('HGET', s, rest)
  if not raw then return {told_of(id, given)} end
  local r = read_record(rest, raw)
  if r.v > SCHEMA then return {'schema'} end
  local more = r.more
  local used_at = more.next and first_use(t, rest, more.next, now)
  local standing = standing_of(given, r.hash, more, used_at, now, part, rest)
  if not standing or now >= r.absolute + TOMBSTONE_MS then return {'unknown'} end
  if now >= r.absolute then return {'expired-absolute'} end
  local seen, reused = last_seen(t, rest, r.idle, now)
  if not seen then return {'expired-idle'} end
  if reused or standing == 'spent' then
    end_session(part, r, 'reused', now)
    return {'ended', 'reused', r.user}
  end
  if more.next and (standing == 'next' or used_at) then
    promote(s, t, r, used_at, now)
    write_record(s, r)
    standing = standing == 'next' and 'current' or 'graced'
  end
  if #args < 5 then return {'kept'} end

  local facts = args[4] ~= '' and args[4] .. (now - r.created)
  for index = 5, #args do
    local asked = args[index]
    if asked == more.next then
      -- Nobody uses it yet, as far as s knows: it is given for this re-authentication.
      if facts then
        more.nfacts = facts
        write_record(s, r)
      end
      return {'rotated', asked, r.user .. ',' .. (more.nfacts or r.facts), r.created}
    elseif asked == r.hash then
      -- In use already, so that it stays worth what it was given with.
      return {'rotated', asked, r.user .. ',' .. r.facts, r.created}
    end
  end
  -- A secret that the session has had does not come back, with facts that it was not given with.
  local had = standing_of(args[5], r.hash, more, nil, now, part, rest)
  local age = now - (more.since or r.created)
  if not facts then
    -- A successor that was derived with another key, or after a re-authentication, is not taken away in a hurry.
    if had or standing == 'graced' or (more.next and (more.also or age < GRACE_MS)) then return {'kept'} end
    if not more.next and (age < tonumber(args[3]) or in_grace(more, now)) then return {'kept'} end
    if not may_rotate(more, r.created, r.life, ROTATIONS_AT_ONCE, now) then return {'kept'} end
  elseif not may_rotate(more, r.created, r.life, 2 * ROTATIONS_AT_ONCE, now) then
    local may_at = r.created + (replaced_of(more) - 2 * ROTATIONS_AT_ONCE + 1) * r.life / ROTATIONS
    return {'limited', math.max(1, math.ceil(may_at - now))}
  elseif had or (more.next and #(more.also or '') >= UNUSED * HASH) then
    -- The next use of a successor makes room.
    return {'limited', GRACE_MS}
  end
  if more.next and not place_of(more.next, more.also or '', HASH) then more.also = (more.also or '') .. more.next end
  more.next, more.since, more.nfacts = args[5], now, facts or nil
  write_record(s, r)
  return {'rotated', args[5], r.user .. ',' .. (facts or r.facts), r.created}
end

-- KEYS s t; ARGV id, 'hash' or 'user', a hash of a secret or the user id (JSON) that must match, reason. Idempotent, and it
-- always writes, so that a WAIT after it also covers the first attempt. Returns {'revoked' | 'ended' (it had been
-- already) | 'unknown', user id (JSON)}.
local function revoke(keys, args)
  local id, by, proof = args[1], args[2], args[3]
  local rest = string.sub(id, PART + 1)
  local function proven(user, hash, more)
    if by == 'user' then return user == proof end
    return standing_of(proof, hash, more, nil, 0, part_of(keys[1]), rest) ~= nil
  end
  fence()
  local raw = redis.call('HGET', keys[1], rest)
  if raw then
    local r = read_record(rest, raw)
    if not proven(r.user, r.hash, r.more) then return {'unknown'} end
    end_session(part_of(keys[1]), r, args[4], now_ms())
    return {'revoked', r.user}
  end
  local ended = read_ended(id)
  if not ended then return {'unknown'} end
  local _, user, hash, more = cmsgpack.unpack(ended)
  if not proven(user, hash, more) then return {'unknown'} end
  return {'ended', user}
end

-- KEYS s; ARGV user id (JSON), reason, id to spare (or ''), how many of the newest to leave besides, and where to go on, at
-- first '0'. Ends ENDED sessions at most. Returns 1 if it has to be called again, where to go on, and the ids that were ended.
local function end_some(keys, args)
  local part, now, keep, ended = part_of(keys[1]), now_ms(), tonumber(args[4]), {}
  local live, kept, following, whole, may_end = live_sessions(part, args[1], now, args[5])
  local others = {}
  for _, r in ipairs(live) do
    local list = part .. r.rest == args[3] and kept or others
    list[#list + 1] = r
  end
  -- One of the newest of all is one of the newest of any part, so that this holds for parts too.
  local too_many = #others - keep
  for index, r in ipairs(others) do
    if index <= math.min(too_many, may_end) then
      end_session(part, r, args[2], now)
      ended[#ended + 1] = part .. r.rest
    else
      kept[#kept + 1] = r
    end
  end
  expire_with_last(part, kept, whole)
  fence()
  local again = too_many > may_end
  if again then following = args[5] end
  -- What is left of several parts is too much together.
  local more = again or following ~= '0' or (keep > 0 and not whole)
  return {more and 1 or 0, following, ended}
end

-- As services before revision 7 ask. They take what it answers for all: where that is not so, it is an error, and who asks
-- again ends some more.
local function revoke_user(keys, args)
  local more, _, ended = unpack(end_some(keys, {args[1], args[2], args[3], args[4] or '0', '0'}))
  if more == 1 and not args[4] then return redis.error_reply('TRYAGAIN ' .. #ended .. ' sessions have ended, and there are more') end
  return ended
end

-- KEYS o; ARGV reason, the user id (JSON) that must match, or '', '1' where it is certain that the provider's session is
-- over: then a login that is under way with it comes too late; and how many to skip, at first 0. Ends ENDED sessions at most.
-- Returns 1 if it has to be called again, how many to skip then, and id and user id (JSON) of each session that was ended.
local function end_linked(keys, args)
  local o, now, skip, ended = keys[1], now_ms(), tonumber(args[4]), {}
  -- Not while some are skipped: these would be others then.
  if skip == 0 then prune(o, now) end
  if args[3] == '1' then add_to_index(o, now + TOMBSTONE_MS, 'ended') end
  local ids = redis.call('ZRANGE', o, skip, skip + ENDED - 1)
  for _, id in ipairs(ids) do
    local part, rest = string.sub(id, 1, PART), string.sub(id, PART + 1)
    local raw = redis.call('HGET', 'hf:s:' .. part, rest)
    local r = raw and read_record(rest, raw)
    if id == 'ended' or (r and args[2] ~= '' and r.user ~= args[2]) then
      skip = skip + 1
    else
      redis.call('ZREM', o, id)
      if r then
        end_session(part, r, args[1], now)
        ended[#ended + 1] = id
        ended[#ended + 1] = r.user
      end
    end
  end
  fence()
  return {#ids == ENDED and 1 or 0, skip, ended}
end

-- As services before revision 7 ask; see revoke_user.
local function revoke_linked(keys, args)
  local more, _, ended = unpack(end_linked(keys, {args[1], args[2], args[3], '0'}))
  if more == 1 then return redis.error_reply('TRYAGAIN ' .. #ended / 2 .. ' sessions have ended, and there may be more') end
  return ended
end

-- Whether a session comes behind another in a list, by when they began and then by rest.
local function is_beyond(r, created, rest, newest_first)
  if r.created == created then
    if newest_first then return r.rest < rest end
    return r.rest > rest
  end
  return (r.created > created) ~= newest_first
end

-- KEYS s; ARGV user id (JSON), 'oldest' or 'newest' first, how many, where to go on, at first '0', and, optional, created and
-- rest of the session that they come behind. Returns where to go on ('0': that was all), how many of the user's sessions that
-- were read live, and the first of them: {id, public part, created, seen, idle, absolute, ua, ip} each. Whoever gets more than
-- one part puts them in order.
local function list_some(keys, args)
  local part, newest_first, sessions = part_of(keys[1]), args[2] == 'newest', {}
  local live, records, following, whole = live_sessions(part, args[1], now_ms(), args[4])
  local after = tonumber(args[5] or '')
  for place = 1, #live do
    local r = live[newest_first and #live + 1 - place or place]
    if #sessions < tonumber(args[3]) and (not after or is_beyond(r, after, args[6], newest_first)) then
      sessions[#sessions + 1] =
        {part .. r.rest, r.user .. ',' .. r.facts, r.created, r.seen, r.idle, r.absolute, r.ua, r.ip}
    end
    records[#records + 1] = r
  end
  expire_with_last(part, records, whole)
  return {following, #live, sessions}
end

-- As services before revision 7 ask: sessions that live, oldest first, READ at most.
local function list(keys, args)
  return list_some(keys, {args[1], 'oldest', READ, '0'})[3]
end

-- Adds to a count the sessions in a key of any kind: those that live, and those that this call may not read any more.
local function count_in(key, now, counted)
  if #key ~= 5 + PART or string.sub(key, 1, 5) ~= 'hf:s:' then return end
  local size = redis.call('HLEN', key)
  if counted.read + size > READ then
    counted.unread = counted.unread + size
    return
  end
  counted.read = counted.read + size
  local part, all = part_of(key), redis.call('HGETALL', key)
  for index = 1, #all, 2 do
    local read, r = pcall(read_record, all[index], all[index + 1])
    if read and now < r.absolute and last_seen('hf:t:' .. part, r.rest, r.idle, now) then counted.live = counted.live + 1 end
  end
end

-- Returns how many sessions live: exactly with few, else an estimate, at the same cost however many there are. Of READ it
-- looks whether they live; among the others as large a share is taken to.
local function count()
  local now, keys, counted, scale = now_ms(), redis.call('DBSIZE'), {live = 0, read = 0, unread = 0}, 1
  if keys <= COUNTED then
    local cursor = '0'
    repeat
      local reply = redis.call('SCAN', cursor, 'MATCH', 'hf:s:*', 'COUNT', COUNTED)
      cursor = reply[1]
      for _, key in ipairs(reply[2]) do count_in(key, now, counted) end
    until cursor == '0'
  else
    for _ = 1, SAMPLED do count_in(redis.call('RANDOMKEY') or '', now, counted) end
    scale = keys / SAMPLED
  end
  local share = counted.read > 0 and counted.live / counted.read or 1
  return math.floor((counted.live + counted.unread * share) * scale + 0.5)
end

-- KEYS counters, each a sorted set of attempts by when they no longer count; ARGV what, the attempt's id, and of each counter:
--   'take'   limit, how long an attempt whose end is never told counts. Takes a place in every counter or in none, and the
--            same one when it is asked again. Returns 0, or the ms until there is one
--   'count'  for how long from now the attempt counts, which has failed. Returns 0
--   'give'   nothing: the attempt was no failure. Returns 0
--   'clear'  nothing: there were no failures. Returns 0
local function limit(keys, args)
  local what, attempt, now = args[1], args[2], now_ms()
  if what == 'take' then
    local wait = 0
    for index, key in ipairs(keys) do
      prune(key, now)
      -- As many as may be, counted from the latest: there is a place again when the first of them is gone.
      local last = -tonumber(args[index * 2 + 1])
      local first = redis.call('ZRANGE', key, last, last, 'WITHSCORES')
      local full = first[2] and tonumber(first[2]) > now
      if full and not redis.call('ZSCORE', key, attempt) then wait = math.max(wait, first[2] - now) end
    end
    if wait > 0 then return wait end
  end
  for index, key in ipairs(keys) do
    if what == 'give' then
      redis.call('ZREM', key, attempt)
    elseif what == 'clear' then
      redis.call('ZREMRANGEBYSCORE', key, '-inf', '+inf')
    else
      local counts_until = now + (what == 'take' and args[index * 2 + 2] or args[index + 2])
      redis.call('ZADD', key, counts_until, attempt)
      redis.call('PEXPIREAT', key, redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2])
    end
  end
  return 0
end

local function register(name, callback, flags)
  redis.register_function{function_name = 'holdfast_v2_' .. name, callback = callback, flags = flags}
end

-- Ending a session must work in a Redis that is full.
register('create', create, {})
register('validate', validate, {'no-writes'})
register('validate_batch', validate_batch, {'no-writes'})
register('validate_each', validate_each, {'no-writes'})
register('touch', touch, {'allow-oom'})
register('rotate', rotate, {'allow-oom'})
register('revoke', revoke, {'allow-oom'})
register('revoke_user', revoke_user, {'allow-oom'})
register('end_some', end_some, {'allow-oom'})
register('revoke_linked', revoke_linked, {'allow-oom'})
register('end_linked', end_linked, {'allow-oom'})
register('list', list, {'allow-oom'})
register('list_some', list_some, {'allow-oom'})
register('count', count, {'no-writes'})
register('limit', limit, {})
