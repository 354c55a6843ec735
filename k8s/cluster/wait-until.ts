import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks `probe` until it answers something other than undefined or false, and returns that. A probe that throws is asked again.
 * @throws Error that names `what`, with the last error as cause, after `timeoutMs`.
 */
export async function waitUntil<T>(
  what: string,
  timeoutMs: number,
  probe: () => T | Promise<T>,
  intervalMs = 100,
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await probe();
      cause = undefined;
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    } catch (error) {
      cause = error;
    }
    if (Date.now() >= deadline) {
      const detail = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}${detail}`, { cause });
    }
    await delay(intervalMs);
  }
}
