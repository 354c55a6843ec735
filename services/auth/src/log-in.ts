import { createClientAddress, requestLog } from '@holdfast/runtime';
import {
  HoldfastError,
  type ParsedSessionToken,
  parseSessionToken,
  readCookies,
  requireSameOrigin,
  SESSION_COOKIE,
  type SessionWithDevice,
  setSessionCookie,
} from '@holdfast/session';
import type { Context } from 'hono';
import { audit } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { checkCredentials } from './check-credentials.ts';
import { readDeviceCookie, setDeviceCookie } from './device-cookie.ts';

const USER_AGENT_LIMIT = 256;

export interface LogInOptions {
  username: string;
  password: string;
  /** Whether the client is to keep its token as a cookie, as browsers do. */
  asCookie: boolean;
}

/**
 * Checks the credentials and creates a session; as a cookie it replaces the one that the browser had. The one way to
 * log in by password, for the API and for the pages.
 *
 * @throws HoldfastError `csrf-rejected`, `invalid-credentials`, `rate-limited`, `session-limit`, `not-durable` or `store-unavailable`
 */
export async function logIn(
  c: Context<AuthEnv>,
  services: AuthServices,
  { username, password, asCookie }: LogInOptions,
): Promise<{ token: string; session: SessionWithDevice }> {
  const { sessions, metrics, config } = services;
  requireOwnPage(c, config.trustedOrigins);
  const user = await checkCredentials(c, services, { username, password });
  const ip = createClientAddress(config.trustedProxies)(c);
  const userAgent = (c.req.header('user-agent') ?? '').slice(0, USER_AGENT_LIMIT);
  const input = { userId: user.id, roles: user.roles, amr: ['pwd'], device: { userAgent, ip } };
  const replaces = asCookie ? ownSessions(c)[0] : undefined;
  const { token, session, evicted } = await sessions.create({ ...input, replaces }).catch((error) => {
    const limited = error instanceof HoldfastError && error.code === 'session-limit';
    metrics.recordLogin(limited ? 'limited' : 'error');
    if (limited) audit(c, 'login-limited', { userId: user.id, ip, reason: 'session-limit' });
    throw error;
  });
  metrics.recordLogin('ok');
  audit(c, 'login-ok', { userId: user.id, sessionId: session.id, ip });
  if (evicted.length > 0) {
    audit(c, 'session-revoked', { userId: user.id, sessionIds: evicted, reason: 'session-limit' });
  }
  if (asCookie) await setCookies(c, services, token, session);
  return { token, session };
}

/**
 * No other site may log a browser in, not even to an account of its own (login CSRF). A client that is no browser sends
 * neither header and has no cookie.
 */
function requireOwnPage(c: Context, trustedOrigins: readonly string[]): void {
  const fromBrowser = c.req.header('sec-fetch-site') !== undefined || c.req.header('origin') !== undefined;
  const hasSession = readCookies(c.req.header('cookie'), SESSION_COOKIE).length > 0;
  if (fromBrowser || hasSession) requireSameOrigin(c.req.method, (name) => c.req.header(name), trustedOrigins);
}

async function setCookies(
  c: Context<AuthEnv>,
  services: AuthServices,
  token: string,
  { userId, absoluteExpiresAtMs }: SessionWithDevice,
): Promise<void> {
  const deviceKeys = services.keys.derive('device');
  await endReplacedSession(c, services);
  c.header('set-cookie', setSessionCookie(token, absoluteExpiresAtMs), { append: true });
  if (readDeviceCookie(deviceKeys, c.req.header('cookie'), userId) === undefined) {
    c.header('set-cookie', setDeviceCookie(deviceKeys, userId), { append: true });
  }
}

/** What the browser has for a session, dead or alive. */
function ownSessions(c: Context): ParsedSessionToken[] {
  return readCookies(c.req.header('cookie'), SESSION_COOKIE).flatMap((cookie) => parseSessionToken(cookie) ?? []);
}

/** Whoever logs in again in the same browser leaves no session behind that nobody can sign out of any more. */
async function endReplacedSession(c: Context<AuthEnv>, { sessions }: AuthServices): Promise<void> {
  for (const old of ownSessions(c)) {
    try {
      const ended = await sessions.revoke(old.id, { secretHash: old.secretHash }, 'signed-in-again');
      if (ended.outcome === 'revoked') {
        audit(c, 'session-revoked', { userId: ended.userId, sessionId: old.id, reason: 'signed-in-again' });
      }
    } catch (error) {
      // The login stands; the old session ends by its timeouts.
      requestLog(c).warn({ err: error, sessionId: old.id }, 'could not end the session that was replaced');
    }
  }
}
