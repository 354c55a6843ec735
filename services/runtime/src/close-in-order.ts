import type { Logger } from './create-logger.ts';

/** Something a service has open. */
export interface Resource {
  name: string;
  close: () => unknown;
}

/** Nothing that is being closed may keep the process from ending. */
const timeoutMs = 5000;

/** Closes one after the other. What fails or takes too long is logged, and the rest is closed all the same. */
export async function closeInOrder(resources: readonly Resource[], logger: Logger): Promise<void> {
  for (const { name, close } of resources) {
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`not closed within ${timeoutMs} ms`)), timeoutMs);
    try {
      await Promise.race([Promise.try(close), timeout]);
      logger.info({ resource: name }, 'closed');
    } catch (error) {
      logger.error({ err: error, resource: name }, 'could not be closed in order');
    } finally {
      clearTimeout(timer);
    }
  }
}
