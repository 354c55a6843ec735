import type { Logger } from './create-logger.ts';

/**
 * Logs failures that come again and again, such as every try to reach a store that is down: the first at once, after
 * that one in each interval, with the number of those left out.
 */
export function createErrorLog(logger: Logger, resource: string, intervalMs = 10_000): (error: unknown) => void {
  let nextAtMs = 0;
  let leftOut = 0;
  return (error) => {
    const nowMs = performance.now();
    if (nowMs < nextAtMs) {
      leftOut++;
      return;
    }
    logger.warn({ err: error, resource, leftOut }, `${resource} reported an error`);
    nextAtMs = nowMs + intervalMs;
    leftOut = 0;
  };
}
