import type { Context } from 'hono';
import { audit } from './audit.ts';
import type { AuthEnv } from './auth-context.ts';

/** For `onReuse`: says that a session ended because a replaced token of it came back. */
export function auditReuse(c: Context<AuthEnv>): (sessionId: string, userId: string | undefined) => void {
  return (sessionId, userId) => {
    if (userId !== undefined) audit(c, 'session-revoked', { userId, sessionId, reason: 'reused' });
  };
}
