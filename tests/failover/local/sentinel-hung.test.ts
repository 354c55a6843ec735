import { SessionStore } from '@holdfast/session';
import { expect, onTestFinished, test } from 'vitest';
import { startRedisSet } from '../../support/redis-sentinel.ts';

test('a Sentinel that hangs holds nobody up: the others say who is primary', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  set.sentinels[0]?.process?.kill('SIGSTOP');
  const store = new SessionStore({
    // So long that who waits for it is late.
    redis: { ...set.configFor('auth'), commandTimeoutMs: 30_000 },
    role: 'auth',
    idleTimeoutMs: 60_000,
    absoluteTimeoutMs: 60_000,
    waitReplicas: 1,
    waitTimeoutMs: 5000,
    retryBudgetMs: 10_000,
  });
  onTestFinished(() => store.close());
  store.connect();
  await expect(store.ping()).resolves.toBeUndefined();
}, 60_000);
