import { type ParsedSessionToken, parseSessionToken, SessionStore, type SessionStoreOptions } from '@holdfast/session';
import { onTestFinished } from 'vitest';

/** A store that is connected, until the test ends. Its sessions outlive the test, and a Redis has one replica unless `options` differ. */
export function openStore(
  redis: SessionStoreOptions['redis'],
  role: SessionStoreOptions['role'],
  options: Partial<SessionStoreOptions> = {},
): SessionStore {
  const store = new SessionStore({
    redis,
    role,
    idleTimeoutMs: 600_000,
    absoluteTimeoutMs: 600_000,
    waitReplicas: 1,
    waitTimeoutMs: 500,
    retryBudgetMs: 500,
    ...options,
  });
  onTestFinished(() => store.close());
  store.connect();
  return store;
}

/** A session of somebody, and its token as a store takes it. */
export async function createSession(
  auth: SessionStore,
  userId = 'somebody',
): Promise<ParsedSessionToken & { text: string }> {
  const device = { userAgent: 'Test/1.0', ip: '192.0.2.1' };
  const { token } = await auth.create({ userId, roles: [], amr: ['pwd'], device });
  const parsed = parseSessionToken(token);
  if (!parsed) throw new Error('create gave a token that can’t be parsed');
  return { ...parsed, text: token };
}
