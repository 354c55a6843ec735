import {
  clearSessionCookie,
  parseSessionToken,
  readCookies,
  SESSION_COOKIE,
  SessionStore,
  type SessionStoreOptions,
  type SessionVariables,
  setSessionCookie,
} from '@holdfast/session';
import type { Hono, MiddlewareHandler } from 'hono';
import { pollUntil } from '../../support/poll-until.ts';
import {
  ABSOLUTE_TIMEOUT_MS,
  type ArmSettings,
  amrOfEveryUser,
  IDLE_TIMEOUT_MS,
  inBatches,
  rolesOfEveryUser,
  toRedisConfig,
} from './arm.ts';

const device = { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', ip: '192.0.2.7' };

interface Stores {
  /** As an ordinary service has it: it may validate and nothing else. */
  sessions: SessionStore;
  /** As auth has it. */
  owner: SessionStore;
}

export async function openStores(settings: ArmSettings, options: Partial<SessionStoreOptions> = {}): Promise<Stores> {
  const open = (role: 'auth' | 'validator') => {
    const store = new SessionStore({
      redis: toRedisConfig(settings, role),
      role,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      absoluteTimeoutMs: ABSOLUTE_TIMEOUT_MS,
      waitReplicas: settings.waitReplicas,
      waitTimeoutMs: 5000,
      retryBudgetMs: 5000,
      ...options,
    });
    store.connect();
    return store;
  };
  const [sessions, owner] = [open('validator'), open('auth')];
  await pollUntil('the function library', 10_000, () => owner.list('nobody').then(() => true));
  await sessions.ping();
  return { sessions, owner };
}

export const createSession = (owner: SessionStore, userId: string) =>
  owner.create({ userId, roles: rolesOfEveryUser, amr: amrOfEveryUser, device });

/** @returns the header of each session */
export function seedSessions(owner: SessionStore, userIds: readonly string[]): Promise<string[]> {
  return inBatches(
    userIds,
    async (userId) => `cookie: ${SESSION_COOKIE}=${(await createSession(owner, userId)).token}`,
  );
}

/** Login, logout, list and revoke all, as auth has them but for passwords, limits and audit. */
export function addSessionRoutes(
  app: Hono<{ Variables: SessionVariables }>,
  owner: SessionStore,
  guard: MiddlewareHandler,
): void {
  app.post('/session', async (c) => {
    const { token, session } = await createSession(owner, c.req.header('x-user') ?? 'user-0');
    c.header('set-cookie', setSessionCookie(token, session.absoluteExpiresAtMs));
    return c.json({ userId: session.userId }, 201);
  });
  app.delete('/session', async (c) => {
    const token = parseSessionToken(readCookies(c.req.header('cookie'), SESSION_COOKIE)[0] ?? '');
    if (token) await owner.revoke(token.id, { secretHash: token.secretHash }, 'logout');
    c.header('set-cookie', clearSessionCookie());
    return c.body(null, 204);
  });
  app.get('/sessions', guard, async (c) => c.json({ sessions: await owner.list(c.get('session').userId) }));
  app.delete('/sessions', guard, async (c) =>
    c.json({ revoked: (await owner.revokeUser(c.get('session').userId, 'signed-out-elsewhere')).length }),
  );
}
