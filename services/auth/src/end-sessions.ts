import {
  clearSessionCookie,
  isSessionId,
  parseSessionToken,
  readCredential,
  requireSameOrigin,
  twoLiveSessions,
} from '@holdfast/session';
import type { Context } from 'hono';
import { audit } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { findLive } from './find-live.ts';

/**
 * Ends the session of the request itself, whatever is left of it, and clears its cookie. Of several session cookies one may be
 * alive.
 *
 * @throws HoldfastError `csrf-rejected`, `invalid-request`, `not-durable` or `store-unavailable`; the cookie stays
 */
export async function logOut(c: Context<AuthEnv>, { sessions, config }: AuthServices): Promise<void> {
  const header = (name: string) => c.req.header(name);
  const credential = readCredential(header);
  if (credential.kind === 'cookie') requireSameOrigin(c.req.method, header, config.trustedOrigins);
  const sent = credential.kind === 'none' ? [] : credential.tokens.flatMap((token) => parseSessionToken(token) ?? []);
  if ((await findLive(sessions, sent)).length > 1) throw twoLiveSessions();
  await Promise.all(
    sent.map(async ({ id, secretHash }) => {
      const { outcome, ...owner } = await sessions.revoke(id, { secretHash }, 'logout');
      if (outcome === 'revoked') audit(c, 'logout', { sessionId: id, ...owner });
    }),
  );
  if (credential.kind !== 'bearer') c.header('set-cookie', clearSessionCookie());
}

/**
 * Ends one session of the caller, whose own is in the context.
 *
 * @returns false when the caller has no such session
 */
export async function endOne(c: Context<AuthEnv>, { sessions }: AuthServices, id: string): Promise<boolean> {
  const { id: currentId, userId } = c.get('session');
  const ended = isSessionId(id) ? await sessions.revoke(id, { userId }, 'signed-out-elsewhere') : undefined;
  if (!ended || ended.outcome === 'unknown') return false;
  if (ended.outcome === 'revoked') {
    audit(c, 'session-revoked', { userId, sessionId: id, reason: 'signed-out-elsewhere' });
  }
  if (id === currentId) clearOwnCookie(c);
  return true;
}

/**
 * Ends all sessions of the caller, or all but the caller's own.
 *
 * @returns how many were alive
 * @throws HoldfastError `not-durable` or `store-unavailable`: some may have ended, which it says and which is audited
 */
export async function endAll(
  c: Context<AuthEnv>,
  { sessions }: AuthServices,
  spare: 'current' | undefined,
): Promise<number> {
  const { id: currentId, userId } = c.get('session');
  const spared = spare === 'current' ? currentId : undefined;
  const auditStep = (sessionIds: string[]) =>
    audit(c, 'session-revoked', { userId, sessionIds, reason: 'signed-out-elsewhere' });
  const sessionIds = await sessions.revokeUser(userId, 'signed-out-elsewhere', spared, auditStep);
  if (spared === undefined) clearOwnCookie(c);
  return sessionIds.length;
}

function clearOwnCookie(c: Context<AuthEnv>): void {
  if (c.get('credential').kind === 'cookie') c.header('set-cookie', clearSessionCookie());
}
