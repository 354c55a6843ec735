import { requestLog } from '@holdfast/runtime';
import { admit, HoldfastError, isSafeMethod } from '@holdfast/session';
import type { Context, MiddlewareHandler } from 'hono';
import { auditReuse } from './audit-reuse.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { rotateSession } from './rotate-session.ts';

export interface OwnSessionOptions {
  /** Whether a browser is given a new cookie when its secret is old enough; default true. Off where the route does it. */
  rotates?: boolean;
  /** How long ago the caller may have authenticated. */
  maxAuthAgeMs?: number | undefined;
}

/**
 * As `requireSession`, for the one service that can do more than validate: it rotates secrets, writes down that a new one
 * is in use, and ends a session whose replaced secret came back.
 */
export function requireOwnSession(
  services: AuthServices,
  { rotates = true, maxAuthAgeMs }: OwnSessionOptions = {},
): MiddlewareHandler<AuthEnv> {
  const { sessions, config, metrics } = services;
  return async (c, next) => {
    const options = {
      sessions,
      trustedOrigins: config.trustedOrigins,
      maxAuthAgeMs,
      onValidation: metrics.recordValidation,
      onReuse: auditReuse(c),
    };
    const header = (name: string) => c.req.header(name);
    const { credential, token, session, rotation } = await admit(c.req.method, header, options, (sent) =>
      sessions.describe(sent, { safe: isSafeMethod(c.req.method) }),
    );
    c.set('session', session);
    c.set('credential', credential);
    if (rotates && rotation !== 'none') {
      await orLater(c, async () => {
        // A client that is no browser is not handed a token it did not ask for: it would not know to keep it.
        if (credential.kind === 'cookie') await rotateSession(c, services, {});
        else if (rotation === 'note') await sessions.noteUse(token);
      });
    }
    await next();
  };
}

/** What can't be written now is found due again by the next request: this one goes on. */
async function orLater(c: Context<AuthEnv>, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.status !== 503) throw error;
    requestLog(c).warn({ err: error, sessionId: c.get('session').id }, 'the session could not be rotated now');
  }
}
