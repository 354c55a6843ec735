import { expect, test } from 'vitest';
import { askRedis } from '../../../services/local/src/redis-info.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

// Else each votes for itself, and the next try is due twice the failover timeout later.
test('no two Sentinels miss a primary in the same moment', async () => {
  await using set = await startRedisSet({ downAfterMs: 3000 });
  const waits = set.sentinels.map(({ endpoint }) =>
    askRedis(endpoint, undefined, async (redis) => {
      const state = (await redis.call('SENTINEL', 'MASTER', set.masterName)) as string[];
      return Number(state[state.indexOf('down-after-milliseconds') + 1]);
    }),
  );
  expect(await Promise.all(waits)).toEqual([2700, 3000, 3300]);
});
