import { HoldfastError } from '@holdfast/session';

/** Runs at most `concurrency` tasks at a time and lets at most `queueLimit` wait. */
export type Limiter = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * Hashing takes tens of milliseconds of a core and megabytes of memory each: without a bound a burst of logins would
 * starve everything else.
 *
 * @throws HoldfastError `rate-limited` when the queue is full
 */
export function createLimiter(concurrency: number, queueLimit: number): Limiter {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (task) => {
    if (running >= concurrency) {
      if (queue.length >= queueLimit) {
        throw new HoldfastError('rate-limited', 'Too many logins at once. Try again in a moment.');
      }
      await new Promise<void>((resolve) => queue.push(resolve));
    } else {
      running++;
    }
    try {
      return await task();
    } finally {
      // A task that ends hands its place to the next in the queue.
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  };
}
