import type { Redis } from 'ioredis';
import { hasFunctionLibrary, loadFunctionLibrary } from './function-library.ts';
import { isPassing } from './store-errors.ts';

const INTERVAL_MS = 500;

/**
 * Sees to it that the primary has the function library. It may lose it while connections stay up (`FUNCTION FLUSH`, a
 * restored dump), or get an older one back; then nobody can be told anything until it is there again.
 *
 * @param redis a connection of auth, which may load functions
 * @param onError told why the library could not be loaded; it is tried again
 */
export function keepFunctions(redis: Redis, onError: (error: Error) => void): { close(): void } {
  let running = false;
  const keep = async () => {
    if (running || redis.status !== 'ready') return;
    running = true;
    try {
      if (!(await hasFunctionLibrary(redis))) await loadFunctionLibrary(redis);
    } catch (error) {
      // An outage is reported by the connections.
      if (!isPassing(error)) onError(error as Error);
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void keep(), INTERVAL_MS).unref();
  return { close: () => clearInterval(timer) };
}
