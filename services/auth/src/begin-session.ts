import { requestLog } from '@holdfast/runtime';
import {
  HoldfastError,
  type NewSession,
  type ParsedSessionToken,
  parseSessionToken,
  readSessionCookies,
  type SessionWithDevice,
  setSessionCookie,
} from '@holdfast/session';
import type { Context } from 'hono';
import { type AuditFields, audit, auditAttempt } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { findLive } from './find-live.ts';

const USER_AGENT_LIMIT = 256;

export interface BeginSessionOptions extends Omit<NewSession, 'device' | 'replaces'> {
  /** The client's address. */
  ip: string;
  /** Whether the client is to keep its token as a cookie, as browsers do; it replaces the session that the browser had. */
  asCookie: boolean;
  /** What the audit is to say of this login besides. */
  audited?: AuditFields;
}

export interface BegunSession {
  token: string;
  session: SessionWithDevice;
}

/**
 * Creates a session for somebody who has just proved who they are, however they did.
 *
 * @throws HoldfastError `session-limit`, `sign-in-failed`, `outcome-unknown`, `not-durable` or `store-unavailable`
 */
export async function beginSession(
  c: Context<AuthEnv>,
  services: AuthServices,
  { ip, asCookie, audited, ...input }: BeginSessionOptions,
): Promise<BegunSession> {
  const { sessions, metrics } = services;
  const { userId } = input;
  const userAgent = (c.req.header('user-agent') ?? '').slice(0, USER_AGENT_LIMIT);
  const own = asCookie ? ownSessions(c) : [];
  const [replaces] = await findLive(sessions, own, userId);
  const { token, session, evicted } = await auditAttempt(c, 'login-ok', { userId, ip, ...audited }, () =>
    sessions.create({ ...input, device: { userAgent, ip }, replaces }),
  ).catch((error) => {
    const limited = error instanceof HoldfastError && error.code === 'session-limit';
    metrics.recordLogin(limited ? 'limited' : 'error');
    if (limited) audit(c, 'login-limited', { userId, ip, reason: 'session-limit' });
    throw error;
  });
  metrics.recordLogin('ok');
  audit(c, 'login-ok', { userId, sessionId: session.id, ip, ...audited });
  if (evicted.length > 0) audit(c, 'session-revoked', { userId, sessionIds: evicted, reason: 'session-limit' });
  if (asCookie) {
    await endReplacedSessions(c, services, own);
    c.header('set-cookie', setSessionCookie(token, session.absoluteExpiresAtMs), { append: true });
  }
  return { token, session };
}

/** What the browser has for sessions, dead or alive. */
function ownSessions(c: Context): ParsedSessionToken[] {
  return readSessionCookies(c.req.header('cookie')).flatMap((cookie) => parseSessionToken(cookie) ?? []);
}

/** Whoever logs in again in the same browser leaves no session behind that nobody can sign out of any more. */
async function endReplacedSessions(
  c: Context<AuthEnv>,
  { sessions }: AuthServices,
  replaced: readonly ParsedSessionToken[],
): Promise<void> {
  for (const old of replaced) {
    try {
      const fields = { sessionId: old.id, reason: 'signed-in-again' } as const;
      const ended = await auditAttempt(c, 'session-revoked', fields, () =>
        sessions.revoke(old.id, { secretHash: old.secretHash }, 'signed-in-again'),
      );
      if (ended.outcome === 'revoked') audit(c, 'session-revoked', { userId: ended.userId, ...fields });
    } catch (error) {
      // The login stands; the old session ends by its timeouts.
      requestLog(c).warn({ err: error, sessionId: old.id }, 'could not end the session that was replaced');
    }
  }
}
