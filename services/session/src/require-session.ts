import type { MiddlewareHandler } from 'hono';
import { type AuthenticateOptions, authenticate } from './authenticate.ts';
import type { Session } from './session-record.ts';

/** What {@link requireSession} leaves in the context: `c.get('session')`. */
export interface SessionVariables {
  session: Session;
}

/**
 * Hono middleware: lets a request with a live session through and refuses every other one with a `HoldfastError`,
 * which Hono answers as problem+json.
 */
export function requireSession(options: AuthenticateOptions): MiddlewareHandler<{ Variables: SessionVariables }> {
  return async (c, next) => {
    c.set('session', await authenticate(c.req.method, (name) => c.req.header(name), options));
    await next();
  };
}
