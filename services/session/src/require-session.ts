import type { Context, MiddlewareHandler } from 'hono';
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
  return (c, next) => {
    const found = authenticate(c.req.method, (name) => c.req.header(name), options);
    if (found instanceof Promise) return found.then((session) => goOn(c, session, next));
    return goOn(c, found, next);
  };
}

function goOn(c: Context<{ Variables: SessionVariables }>, session: Session, next: () => Promise<void>): Promise<void> {
  c.set('session', session);
  return next();
}
