import { randomUUID } from 'node:crypto';
import { problemContents } from '@holdfast/runtime';
import { HoldfastError, type SessionStore } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { audit } from '../audit.ts';
import type { AuthApp, AuthServices, OidcServices } from '../auth-context.ts';
import { digestIssued, toOidcUserId, toSessionLink } from '../oidc/to-oidc-identity.ts';
import { LONGEST_AGE_SECONDS, type LogoutToken, verifyLogoutToken } from '../oidc/verify-logout-token.ts';

const REASON = 'ended-by-provider';

const frontChannel = createRoute({
  method: 'get',
  path: '/auth/oidc/frontchannel-logout',
  operationId: 'frontChannelLogout',
  tags: ['single sign-on'],
  summary: 'The provider ends its session, by a frame in the browser (OpenID Connect Front-Channel Logout 1.0)',
  description:
    'Register it with `frontchannel_logout_session_required`: a frame of another site sends no cookie to go by.',
  request: { query: z.object({ iss: z.string().min(1).max(1024), sid: z.string().min(1).max(1024) }) },
  responses: {
    200: { description: 'Whatever came of that session has ended', content: { 'text/html': { schema: z.string() } } },
    ...problemContents({ 400: 'Not this service’s provider, or no session', 503: 'It may not have ended: try again' }),
  },
});

const backChannel = createRoute({
  method: 'post',
  path: '/auth/oidc/backchannel-logout',
  operationId: 'backChannelLogout',
  tags: ['single sign-on'],
  summary: 'The provider ends a session, or all of a person (OpenID Connect Back-Channel Logout 1.0)',
  request: {
    body: {
      required: true,
      content: {
        'application/x-www-form-urlencoded': { schema: z.object({ logout_token: z.string().min(1).max(16_384) }) },
      },
    },
  },
  responses: {
    200: { description: 'They have ended' },
    ...problemContents({
      400: 'Not a logout token that holds, or one that came before',
      422: 'No logout token',
      503: 'They may not have ended: send it again',
    }),
  },
});

/** Where the provider says that a session of its own has ended: what came of that session here ends with it. */
export function addOidcLogoutRoutes(app: AuthApp, { sessions }: AuthServices, { provider }: OidcServices): void {
  app.openapi(frontChannel, async (c) => {
    const { iss, sid } = c.req.valid('query');
    const issuer = await provider.issuer();
    if (iss !== issuer) throw new HoldfastError('invalid-request', '`iss` is not the provider of this service.');
    // Who may know a `sid` is the provider and the person's own browser. It is nobody's proof that the session is over.
    auditEnded(c, await sessions.revokeLinked(toSessionLink(iss, sid), REASON));
    c.header('content-security-policy', `default-src 'none'; frame-ancestors ${new URL(issuer).origin}`);
    return c.html('<!doctype html><html lang="en"><title>Signed out</title><p>Signed out</p></html>', 200);
  });

  app.openapi(backChannel, async (c) => {
    const token = await verifyLogoutToken(provider, c.req.valid('form').logout_token);
    const issuer = await provider.issuer();
    const giveBack = await takeToken(sessions, issuer, token.jti);
    try {
      auditEnded(c, await endSessions(sessions, issuer, token));
    } catch (error) {
      // It has to be good once more: the provider may send it again.
      await giveBack().catch(() => {});
      throw error;
    }
    return c.body(null, 200);
  });
}

async function endSessions(sessions: SessionStore, issuer: string, { sid, subject }: LogoutToken) {
  const userId = subject === undefined ? undefined : toOidcUserId(issuer, subject);
  if (sid !== undefined) return sessions.revokeLinked(toSessionLink(issuer, sid), REASON, { userId, final: true });
  const ids = await sessions.revokeUser(userId as string, REASON);
  return ids.map((id) => ({ id, userId: userId as string }));
}

/** A token that is sent once more would end sessions that were begun since. */
async function takeToken(sessions: SessionStore, issuer: string, jti: string): Promise<() => Promise<void>> {
  // Longer than any token is accepted, on both sides of the clock's tolerance.
  const windowMs = 2 * LONGEST_AGE_SECONDS * 1000;
  const counters = [{ key: `jti:${digestIssued(issuer, jti)}`, limit: 1, windowMs, pendingMs: windowMs }];
  const attempt = randomUUID();
  if ((await sessions.takeLimit(counters, attempt)) > 0) {
    throw new HoldfastError('invalid-request', 'This logout token came before.');
  }
  return () => sessions.giveLimit(counters, attempt);
}

function auditEnded(c: Context, ended: readonly { id: string; userId: string }[]): void {
  for (const [userId, sessions = []] of Map.groupBy(ended, (session) => session.userId)) {
    audit(c, 'session-revoked', { userId, sessionIds: sessions.map(({ id }) => id), reason: REASON });
  }
}
