import { describe, expect, test } from 'vitest';
import { createLimiter } from './create-limiter.ts';

describe('limiter', () => {
  test('never runs more at once than it may, runs all in order, and goes on after failures', async () => {
    const limit = createLimiter(2, 100);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        limit(async () => {
          order.push(index);
          most = Math.max(most, ++running);
          await new Promise(setImmediate);
          running--;
          if (index % 3 === 0) throw new Error('failed');
          return index;
        }),
      ),
    );
    expect(most).toBe(2);
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(7);
    expect(await limit(async () => 'still works')).toBe('still works');
  });

  test('turns away what would wait for too long', async () => {
    const limit = createLimiter(1, 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = limit(() => promise);
    const waiting = limit(async () => 'waited');
    await expect(limit(async () => {})).rejects.toMatchObject({
      code: 'rate-limited',
      status: 429,
      retryAfterSeconds: 1,
    });
    resolve();
    await running;
    expect(await waiting).toBe('waited');
  });
});
