import { expect, test } from 'vitest';
import { SharedLook } from './shared-look.ts';

test('everybody who asks gets a look that begins after they asked, and many share one', async () => {
  let begun = 0;
  const looks = new SharedLook(async () => ++begun);
  const first = Array.from({ length: 1000 }, () => looks.next());
  expect(begun).toBe(0);
  expect(new Set(await Promise.all(first))).toEqual(new Set([1]));
  const second = Array.from({ length: 1000 }, () => looks.next());
  expect(begun).toBe(1);
  expect(new Set(await Promise.all(second))).toEqual(new Set([2]));
});

test('who asks while a look is under way gets the next one, which does not wait for that look to end', async () => {
  const slow = Promise.withResolvers<void>();
  let begun = 0;
  const looks = new SharedLook(async () => {
    const look = ++begun;
    if (look === 1) await slow.promise;
    return look;
  });
  const first = looks.next();
  while (begun === 0) await new Promise(setImmediate);
  expect(await looks.next()).toBe(2);
  slow.resolve();
  expect(await first).toBe(1);
});
