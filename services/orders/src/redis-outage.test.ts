import { expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { createTestOrders } from './orders-fixture.ts';

test('all of Redis gone: 503 and nobody is logged out; Redis back: the same cookie works again', async () => {
  await using service = await createTestOrders();
  const cookie = await service.logIn();
  const ask = () => service.ask('GET', '/v1/orders', { cookie });
  expect((await ask()).status).toBe(200);

  for (const fault of ['killed', 'hung'] as const) {
    if (fault === 'killed') await service.auth.redis.killed();
    else service.auth.redis.kill('SIGSTOP');
    const attempts = [1, 2, 3].map(async () => {
      const startedAtMs = performance.now();
      const answer = await ask();
      expect([answer.status, answer.body.code], fault).toEqual([503, 'store-unavailable']);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.headers.get('set-cookie')).toBeNull();
      return performance.now() - startedAtMs;
    });
    // A busy machine may hold up one, not every one.
    expect(Math.min(...(await Promise.all(attempts))), fault).toBeLessThan(1000);
    expect((await service.ask('GET', '/livez')).status).toBe(200);
    const ready = await service.ask('GET', '/readyz');
    expect([ready.status, ready.body.checks], fault).toEqual([503, { redis: 'failed', postgres: 'ok' }]);
    if (fault === 'killed') await service.auth.redis.start();
    else service.auth.redis.kill('SIGCONT');
    await pollUntil('the cookie to work again', 10_000, async () => (await ask()).status === 200);
  }
}, 60_000);
