import {
  type AuthenticateOptions,
  authenticate,
  HoldfastError,
  readCredential,
  type SessionVariables,
} from '@holdfast/session';
import type { MiddlewareHandler } from 'hono';
import type { VerifyToken } from './create-token-verifier.ts';

/** `session` is absent where the caller sent a JWT: no handler needs more than whose orders are meant. */
export interface CallerVariables extends Partial<SessionVariables> {
  userId: string;
  sessionId?: string;
}

export interface CallerOptions extends AuthenticateOptions {
  /** Absent where no JWT is accepted. */
  verifyToken?: VerifyToken | undefined;
}

/** Three parts in base64url, separated by dots. A session token has no dots. */
const jwt = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Lets callers with a live session through, as `requireSession` does, and those with a JWT for this service. A JWT is no
 * cookie: no other site can make a browser send one, so it needs no protection against that.
 */
export function requireCaller({
  verifyToken,
  ...options
}: CallerOptions): MiddlewareHandler<{ Variables: CallerVariables }> {
  return async function identifyCaller(c, next) {
    const header = (name: string) => c.req.header(name);
    const credential = readCredential(header);
    if (credential.kind === 'bearer' && jwt.test(credential.tokens[0])) {
      if (!verifyToken) throw new HoldfastError('session-malformed', 'This service accepts no JWT.');
      const { userId, sessionId } = await verifyToken(credential.tokens[0]);
      c.set('userId', userId);
      c.set('sessionId', sessionId);
    } else {
      const session = await authenticate(c.req.method, header, options);
      c.set('session', session);
      c.set('userId', session.userId);
    }
    await next();
  };
}
