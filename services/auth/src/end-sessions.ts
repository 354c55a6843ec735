import {
  clearSessionCookie,
  isSessionId,
  parseSessionToken,
  readCredential,
  requireSameOrigin,
  twoLiveSessions,
} from '@holdfast/session';
import type { Context } from 'hono';
import { audit, auditAttempt } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { findLive } from './find-live.ts';

const ELSEWHERE = 'signed-out-elsewhere';

/**
 * Ends the session of the request itself, whatever is left of it, and clears its cookie. Of several session cookies one may be
 * alive.
 *
 * @throws HoldfastError `csrf-rejected`, `invalid-request`, `outcome-unknown`, `not-durable` or
 *   `store-unavailable`; the cookie stays
 */
export async function logOut(c: Context<AuthEnv>, { sessions, config }: AuthServices): Promise<void> {
  const header = (name: string) => c.req.header(name);
  const credential = readCredential(header);
  if (credential.kind === 'cookie') requireSameOrigin(c.req.method, header, config.trustedOrigins);
  const sent = credential.kind === 'none' ? [] : credential.tokens.flatMap((token) => parseSessionToken(token) ?? []);
  if ((await findLive(sessions, sent)).length > 1) throw twoLiveSessions();
  await Promise.all(
    sent.map(async ({ id, secretHash }) => {
      const { outcome, ...owner } = await auditAttempt(c, 'logout', { sessionId: id }, () =>
        sessions.revoke(id, { secretHash }, 'logout'),
      );
      if (outcome !== 'unknown') audit(c, 'logout', { sessionId: id, ...owner, ...alreadyIf(outcome) });
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
  if (!isSessionId(id)) return false;
  const fields = { userId, sessionId: id, reason: ELSEWHERE } as const;
  const { outcome } = await auditAttempt(c, 'session-revoked', fields, () =>
    sessions.revoke(id, { userId }, ELSEWHERE),
  );
  if (outcome === 'unknown') return false;
  audit(c, 'session-revoked', { ...fields, ...alreadyIf(outcome) });
  if (id === currentId) clearOwnCookie(c);
  return true;
}

/**
 * Ends all sessions of the caller, or all but the caller's own.
 *
 * @returns how many were still alive: none where an attempt before this one, whose answer was lost, has ended them
 * @throws HoldfastError `outcome-unknown`, `not-durable` or `store-unavailable`: some may have ended, which it says and which is
 *   audited
 */
export async function endAll(
  c: Context<AuthEnv>,
  { sessions }: AuthServices,
  spare: 'current' | undefined,
): Promise<number> {
  const { id: currentId, userId } = c.get('session');
  const spared = spare === 'current' ? currentId : undefined;
  const fields = { userId, reason: ELSEWHERE } as const;
  const auditStep = (sessionIds: string[]) => audit(c, 'session-revoked', { ...fields, sessionIds });
  const sessionIds = await auditAttempt(c, 'session-revoked', fields, () =>
    sessions.revokeUser(userId, ELSEWHERE, spared, auditStep),
  );
  // Also when none was left: an attempt before this one, whose answer was lost, may have ended them.
  if (sessionIds.length === 0) auditStep([]);
  if (spared === undefined) clearOwnCookie(c);
  return sessionIds.length;
}

function clearOwnCookie(c: Context<AuthEnv>): void {
  if (c.get('credential').kind === 'cookie') c.header('set-cookie', clearSessionCookie());
}

/** An attempt whose answer was lost has ended it; or somebody who may ended it first. */
const alreadyIf = (outcome: 'revoked' | 'ended') => (outcome === 'ended' ? { already: true as const } : {});
