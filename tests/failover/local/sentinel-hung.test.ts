import { expect, test } from 'vitest';
import { openStore } from '../../support/open-store.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

test('a Sentinel that hangs holds nobody up: the others say who is primary', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  set.sentinels[0]?.process?.kill('SIGSTOP');
  // So long that who waits for it is late.
  const store = openStore(set.configFor('auth', 30_000), 'auth', { retryBudgetMs: 10_000 });
  await expect(store.ping()).resolves.toBeUndefined();
}, 60_000);
