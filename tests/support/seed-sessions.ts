import { createSessionToken } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { keysOf } from './session-records.ts';

const fill = `
  local time = redis.call('TIME')
  local now = time[1] * 1000
  for place = 1, tonumber(ARGV[1]) do
    local rest = string.format('%012dA', place)
    local record = {2, string.rep('h', 43), now - 1000000 + place, 36000000, 43200000, ARGV[2], '[],["pwd"],0', 'ua', '192.0.2.7'}
    redis.call('HSET', KEYS[1], rest, cmsgpack.pack(unpack(record)))
    redis.call('HSET', KEYS[2], rest, ARGV[3] == 'idle' and now - 36000001 or now)
  end
  redis.call('PEXPIREAT', KEYS[1], now + 43500000)
  redis.call('PEXPIREAT', KEYS[2], now + 43200000)`;

/** Gives a user sessions as a release wrote them that had no limit. They begin a millisecond apart, some minutes ago. */
export async function seedSessions(admin: Redis, userId: string, count: number, state: 'live' | 'idle' = 'live') {
  const { s, t } = keysOf(createSessionToken(userId).id);
  await admin.eval(fill, 2, s, t, count, JSON.stringify(userId), state);
  return { s, t };
}
