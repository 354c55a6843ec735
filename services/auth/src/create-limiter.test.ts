import { describe, expect, test } from 'vitest';
import { createLimiter } from './create-limiter.ts';

describe('limiter', () => {
  test('never runs more at once than it may, runs all in order, and goes on after failures', async () => {
    const limit = createLimiter({ concurrency: 2, queueLimit: 100, deadlineMs: 60_000 });
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        limit('a', async () => {
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
    expect(await limit('a', async () => 'still works')).toBe('still works');
  });

  test('turns away what would wait for too long', async () => {
    const limit = createLimiter({ concurrency: 1, queueLimit: 1, deadlineMs: 60_000 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = limit('a', () => promise);
    const waiting = limit('a', async () => 'waited');
    await expect(limit('a', async () => {})).rejects.toMatchObject({
      code: 'rate-limited',
      status: 429,
      retryAfterSeconds: 1,
    });
    resolve();
    await running;
    expect(await waiting).toBe('waited');
  });

  test('a burst from one network delays another by one task, and loses its own latest where the queue is full', async () => {
    const limit = createLimiter({ concurrency: 1, queueLimit: 10, deadlineMs: 60_000 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    const ask = (network: string, name: string) => limit(network, async () => void order.push(name));
    const first = limit('a', () => promise);
    const burst = Array.from({ length: 10 }, (_, index) => ask('a', `a${index}`).catch(({ code }) => code as string));
    const others = [ask('b', 'b0'), ask('c', 'c0'), ask('b', 'b1')];
    resolve();
    await Promise.all([first, ...others]);
    expect(await Promise.all(burst)).toEqual([...Array(7).fill(undefined), ...Array(3).fill('rate-limited')]);
    expect(order).toEqual(['a0', 'b0', 'c0', 'a1', 'b1', 'a2', 'a3', 'a4', 'a5', 'a6']);
  });

  test('never runs what has waited for too long', async () => {
    const limit = createLimiter({ concurrency: 1, queueLimit: 10, deadlineMs: 20 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = limit('a', () => promise);
    let ran = false;
    const late = limit('b', async () => {
      ran = true;
    });
    await expect(late).rejects.toMatchObject({ code: 'rate-limited', retryAfterSeconds: 1 });
    resolve();
    await first;
    expect(await limit('b', async () => 'still works')).toBe('still works');
    expect(ran).toBe(false);
  });
});
