import { type RotateOptions, requireActive, type SessionWithDevice, setSessionCookie } from '@holdfast/session';
import type { Context } from 'hono';
import { audit, auditAttempt } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';

/**
 * Gives the caller, whose session is in the context, the token that takes the place of the one it sent: a browser as its
 * cookie, everybody else by what this returns. It is the token that was sent where there is no other now.
 *
 * @throws HoldfastError `outcome-unknown`, `not-durable` or `store-unavailable`; the old token still works
 */
export async function rotateSession(
  c: Context<AuthEnv>,
  { sessions, keys }: AuthServices,
  options: Omit<RotateOptions, 'keys'>,
): Promise<{ token: string; session: SessionWithDevice }> {
  const { credential, session } = c.var;
  const fields = { userId: session.userId, sessionId: session.id };
  const rotation = await auditAttempt(c, options.authentication ? 'reauthenticated' : 'session-rotated', fields, () =>
    sessions.rotate(credential.token, { ...options, keys: keys.derive('rotation') }),
  );
  if (rotation.outcome === 'kept') return { token: credential.token, session };
  if (rotation.outcome !== 'rotated') return requireActive(rotation) as never;
  const { token, authentication } = rotation;
  const rotated: SessionWithDevice = { ...session, ...authentication };
  c.set('session', rotated);
  if (credential.kind === 'cookie') {
    c.header('set-cookie', setSessionCookie(token, session.absoluteExpiresAtMs), { append: true });
  }
  audit(c, 'session-rotated', fields);
  return { token, session: rotated };
}

/** A browser has its token as a cookie, where no script can read it; everybody else is told. */
export function tokenForBearer(c: Context<AuthEnv>, token: string): { token?: string } {
  return c.get('credential').kind === 'bearer' ? { token } : {};
}
