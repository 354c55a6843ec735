import { SessionStore, type SessionStoreOptions } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { afterAll, test } from 'vitest';
import { pollUntil } from './poll-until.ts';
import type { NamedBackend, StoreBackend } from './store-backends.ts';

const HOUR_MS = 3_600_000;

export interface BegunStores {
  backend: StoreBackend;
  /** A client of the primary that may do everything. */
  admin: Redis;
  auth: SessionStore;
  validator: SessionStore;
}

/** What a suite over every backend begins and ends with; to be called in its `describe`, whose end closes all of it. */
export function createStoreSuite({ start, missing }: NamedBackend) {
  const opened: SessionStore[] = [];
  let backend: StoreBackend | undefined;

  const open = (role: 'auth' | 'validator', overrides: Partial<SessionStoreOptions> = {}) => {
    if (!backend) throw new Error('the backend has not been started');
    const store = new SessionStore({
      redis: backend.configFor(role, 2000),
      role,
      idleTimeoutMs: HOUR_MS,
      absoluteTimeoutMs: 12 * HOUR_MS,
      waitReplicas: backend.replicas > 0 ? 1 : 0,
      waitTimeoutMs: 1000,
      retryBudgetMs: 5000,
      ...overrides,
    });
    opened.push(store);
    return store;
  };

  afterAll(async () => {
    await Promise.all(opened.map((store) => store.close()));
    await backend?.[Symbol.asyncDispose]();
  });

  return {
    open,
    /** @returns undefined where the backend can't be had here: then every {@link promise} is skipped */
    begin: async (): Promise<BegunStores | undefined> => {
      if (missing !== undefined) return undefined;
      backend = await start();
      const [admin, auth, validator] = [await backend.admin(), open('auth'), open('validator')];
      await pollUntil('the function library', 10_000, () => auth.list('nobody').then(() => true));
      return { backend, admin, auth, validator };
    },
    promise: (name: string, run: () => Promise<void>, timeoutMs?: number) =>
      test(
        name,
        async (context) => {
          if (missing !== undefined) context.skip(missing);
          await run();
        },
        timeoutMs,
      ),
  };
}
