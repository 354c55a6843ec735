import { SessionStore } from '@holdfast/session';
import { expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

const CLIENTS = 20;
const FAILOVERS = 3;

test('every client follows, also one that hears of the new primary just while it asks for one', async () => {
  await using set = await startRedisSet();
  const options = { idleTimeoutMs: 60_000, absoluteTimeoutMs: 60_000, waitReplicas: 1, waitTimeoutMs: 500 };
  const stores = Array.from(
    { length: CLIENTS },
    () => new SessionStore({ redis: set.configFor('auth'), role: 'auth', retryBudgetMs: 500, ...options }),
  );
  for (const store of stores) store.connect();
  const allServe = async () => {
    await Promise.all(stores.map((store) => store.ping()));
    await Promise.all(stores.map((store, index) => store.list(`user-${index}`)));
    return true;
  };
  await pollUntil('every client', 10_000, allServe);
  for (let failover = 0; failover < FAILOVERS; failover += 1) {
    const lost = await set.primary();
    await lost.killed();
    const successor = await set.untilFailedOver(lost);
    await pollUntil('every client', 10_000, allServe);
    await lost.start(successor);
    await set.untilReplicated();
  }
  await Promise.all(stores.map((store) => store.close()));
  expect(stores).toHaveLength(CLIENTS);
}, 150_000);
