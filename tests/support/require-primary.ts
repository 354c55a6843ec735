import type { RedisNode } from '../../services/local/src/redis-node.ts';
import type { RedisSet } from '../../services/local/src/redis-set.ts';
import { pollUntil } from './poll-until.ts';

/** The primary that most Sentinels name now. */
export function requirePrimary(redis: RedisSet): Promise<RedisNode> {
  return pollUntil('a primary that most Sentinels name', 30_000, () => redis.findPrimary());
}

/** Waits until most Sentinels name another primary than that one. */
export function untilReplaced(redis: RedisSet, former: RedisNode): Promise<RedisNode> {
  return pollUntil(`another primary than ${former.name}`, 30_000, async () => {
    const named = await redis.findPrimary();
    return named !== former && named;
  });
}
