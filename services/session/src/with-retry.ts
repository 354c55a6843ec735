import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { isPassing, isReadonly, isTimeout, isWithoutReplicas } from './store-errors.ts';

const PAUSE_MS = 20;
/** A planned failover takes Sentinel one to two seconds; for so long a write that is refused is worth waiting for. */
const HAND_OVER_MS = 3000;

/**
 * Runs an operation that is safe to repeat, and again while it fails for a passing reason and the budget lasts. A
 * connection that is down is waited for rather than tried. Throws the last error as it came.
 *
 * @param budgetMs after this no further try begins; the last one may still take its command timeout. An answer that the primary
 *   has no replicas renews the budget, for 3 s at most: it is alive, and this passes with the hand-over.
 * @param options.repeatTimedOut false for reads: while the connection is up, Redis may still be busy with the first one, and to
 *   ask again would double what keeps it busy. After a connection that was lost they are sent again like all others.
 */
export async function withRetry<T>(
  redis: Redis,
  budgetMs: number,
  operation: () => Promise<T>,
  { repeatTimedOut = true }: { repeatTimedOut?: boolean } = {},
): Promise<T> {
  const startedAt = performance.now();
  let deadline = startedAt + budgetMs;
  for (;;) {
    try {
      if (redis.status !== 'ready') await untilReady(redis, deadline - performance.now());
      return await operation();
    } catch (error) {
      // The next try, or the next request, has to ask Sentinel who is primary now.
      if (isReadonly(error) && redis.status === 'ready') redis.disconnect(true);
      if (isWithoutReplicas(error)) {
        deadline = Math.max(deadline, Math.min(performance.now() + budgetMs, startedAt + HAND_OVER_MS));
      }
      if (!repeatTimedOut && isTimeout(error) && redis.status === 'ready') throw error;
      if (!isPassing(error) || performance.now() + PAUSE_MS >= deadline) throw error;
      await delay(PAUSE_MS);
    }
  }
}

const waiting = new WeakMap<Redis, Promise<void>>();

/** All requests that find a connection down wait for the same event. */
async function untilReady(redis: Redis, limitMs: number): Promise<void> {
  let ready = waiting.get(redis);
  if (!ready) {
    if (redis.status === 'wait') redis.connect().catch(() => {});
    ready = new Promise((resolve) => redis.once('ready', resolve));
    waiting.set(
      redis,
      ready.finally(() => waiting.delete(redis)),
    );
  }
  const abort = new AbortController();
  const timeout = delay(Math.max(0, limitMs), undefined, { signal: abort.signal }).then(
    () => {
      throw new Error(`no connection to Redis (${redis.status})`);
    },
    () => {},
  );
  try {
    await Promise.race([ready, timeout]);
  } finally {
    abort.abort();
  }
}
