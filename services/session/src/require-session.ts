import type { Context, Handler, Input, MiddlewareHandler, Next } from 'hono';
import { type AuthenticateOptions, authenticate } from './authenticate.ts';
import type { Session } from './session-record.ts';

/** What {@link requireSession} leaves in the context: `c.get('session')`. */
export interface SessionVariables {
  session: Session;
}

interface GuardedEnv {
  Variables: SessionVariables;
}

/**
 * Hono middleware: lets a request with a live session through and refuses every other one with a `HoldfastError`,
 * which Hono answers as problem+json.
 */
export function requireSession(options: AuthenticateOptions): MiddlewareHandler<GuardedEnv>;
/**
 * The same around one handler. Where it is the only one that a request meets, Hono composes nothing, and what the local
 * cache has is answered without a promise.
 */
export function requireSession<P extends string, I extends Input, R extends Response | Promise<Response>>(
  options: AuthenticateOptions,
  handler: Handler<GuardedEnv, P, I, R>,
): Handler<GuardedEnv, P, I, R>;
export function requireSession(options: AuthenticateOptions, handler?: Handler<GuardedEnv>): Handler<GuardedEnv> {
  return (c, next) => {
    const found = authenticate(c.req.method, (name) => c.req.header(name), options);
    if (found instanceof Promise) return found.then((session) => goOn(c, session, next, handler));
    return goOn(c, found, next, handler);
  };
}

function goOn(c: Context<GuardedEnv>, session: Session, next: Next, handler: Handler<GuardedEnv> | undefined) {
  c.set('session', session);
  return handler ? handler(c, next) : next();
}
