import { toRedisConfig } from './redis-config.ts';
import type { SessionEnvironment } from './session-config.ts';
import { SessionStore } from './session-store.ts';
import type { SessionStoreOptions } from './session-store-options.ts';
import { toSessionTimeouts } from './session-timeouts.ts';

/**
 * The session store a service's environment describes. It begins to connect at once and goes on trying for as long as
 * it is open.
 */
export function createSessionStore(
  env: SessionEnvironment,
  options: Pick<
    SessionStoreOptions,
    'role' | 'maxPerUser' | 'maxPerUserAction' | 'nameKeys' | 'rotateMs' | 'onCall' | 'onError'
  >,
): SessionStore {
  const store = new SessionStore({
    redis: toRedisConfig(env),
    ...toSessionTimeouts(env),
    waitReplicas: env.SESSION_WAIT_REPLICAS ?? (env.REDIS_URL === undefined ? 1 : 0),
    waitTimeoutMs: env.SESSION_WAIT_TIMEOUT_MS,
    retryBudgetMs: env.STORE_RETRY_BUDGET_MS,
    localCacheMs: env.SESSION_LOCAL_CACHE_MS,
    degradedReadMs: env.DEGRADED_READ_SECONDS * 1000,
    ...options,
  });
  store.connect();
  return store;
}
