import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 20;

export interface GapMeasurement {
  /** Set when an operation failed for good. */
  readonly failure: string | undefined;
  /** Ends the measurement. @returns the longest an operation took, in milliseconds */
  stop(): Promise<number>;
}

/** Repeats an operation that waits for its answer as long as it takes, and keeps the longest wait. */
export function measureGap(operation: () => Promise<void>): GapMeasurement {
  let longestMs = 0;
  let failure: string | undefined;
  let stopped = false;
  const run = async () => {
    while (!stopped && failure === undefined) {
      const startedAt = performance.now();
      try {
        await operation();
      } catch (error) {
        failure = (error as Error).message;
      }
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await delay(PAUSE_MS);
    }
  };
  const done = run();
  return {
    get failure() {
      return failure;
    },
    async stop() {
      stopped = true;
      await done;
      return longestMs;
    },
  };
}
