import { type ParsedSessionToken, parseSessionToken, SessionStore } from '@holdfast/session';
import { pollUntil } from './poll-until.ts';
import type { TestRedis } from './redis-server.ts';

export interface TestSessions extends AsyncDisposable {
  auth: SessionStore;
  validator: SessionStore;
  /** What the validator has reported so far. */
  errors: Error[];
  create(userId: string): ReturnType<SessionStore['create']>;
  /** The token as a store takes it. */
  parse(token: string): ParsedSessionToken;
}

/** The stores of an auth and of a service that only validates, over one Redis. */
export async function startSessions(redis: TestRedis): Promise<TestSessions> {
  const errors: Error[] = [];
  const [auth, validator] = (['auth', 'validator'] as const).map(
    (role) =>
      new SessionStore({
        redis: redis.configFor(role),
        role,
        idleTimeoutMs: 1_800_000,
        absoluteTimeoutMs: 43_200_000,
        waitReplicas: 0,
        waitTimeoutMs: 500,
        retryBudgetMs: 500,
        ...(role === 'validator' ? { onError: (error: Error) => errors.push(error) } : {}),
      }),
  ) as [SessionStore, SessionStore];
  for (const store of [auth, validator]) store.connect();
  await pollUntil('the function library', 10_000, () => auth.list('nobody').then(() => true));
  return {
    auth,
    validator,
    errors,
    create: (userId) => auth.create({ userId, roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } }),
    parse: (token) => parseSessionToken(token) as ParsedSessionToken,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([auth.close(), validator.close()]);
    },
  };
}
