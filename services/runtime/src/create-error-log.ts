import type { Logger } from './create-logger.ts';

/** More kinds of failure than this are not told apart. */
const maxKinds = 50;

/**
 * Logs failures that come again and again, such as every try to reach a store that is down: the first of a kind at once,
 * after that one in each interval, with the number of those left out.
 */
export function createErrorLog(logger: Logger, resource: string, intervalMs = 10_000): (error: unknown) => void {
  const kinds = new Map<string, { nextAtMs: number; leftOut: number }>();
  return (error) => {
    const nowMs = performance.now();
    const kind = kindOf(error);
    const known = kinds.get(kind);
    if (known && nowMs < known.nextAtMs) {
      known.leftOut++;
      return;
    }
    logger.warn({ err: error, resource, leftOut: known?.leftOut ?? 0 }, `${resource} reported an error`);
    if (kinds.size >= maxKinds) kinds.clear();
    kinds.set(kind, { nextAtMs: nowMs + intervalMs, leftOut: 0 });
  };
}

/** By the code that the system or the store gave, which a wrapper has as its cause. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  if (error.cause instanceof Error) return kindOf(error.cause);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message.slice(0, 100) : String(code);
}
