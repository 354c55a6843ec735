import { createClientAddress, problemContents } from '@holdfast/runtime';
import { HoldfastError, type LimitCounter, type SessionStore } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { audit, auditAttempt } from '../audit.ts';
import type { AuthApp, AuthEnv, AuthServices, OidcServices } from '../auth-context.ts';
import { digestIssued, toOidcUserId, toSessionLink } from '../oidc/to-oidc-identity.ts';
import { LONGEST_AGE_SECONDS, type LogoutToken, verifyLogoutToken } from '../oidc/verify-logout-token.ts';

const REASON = 'ended-by-provider';

interface Ended {
  id: string;
  userId: string;
}

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
export function addOidcLogoutRoutes(
  app: AuthApp,
  { sessions, config }: AuthServices,
  { provider }: OidcServices,
): void {
  const clientAddress = createClientAddress(config.trustedProxies);

  /** What a provider sends in vain is for its operators to find; the reasons repeat nothing of what was sent. */
  async function auditRefusal<T>(c: Context<AuthEnv>, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'invalid-request') {
        audit(c, 'logout-refused', { ip: clientAddress(c), reason: error.message });
      }
      throw error;
    }
  }

  app.openapi(frontChannel, (c) =>
    auditRefusal(c, async () => {
      const { iss, sid } = c.req.valid('query');
      const issuer = await provider.issuer();
      if (iss !== issuer) throw new HoldfastError('invalid-request', '`iss` is not the provider of this service.');
      // Who may know a `sid` is the provider and the person's own browser. It is nobody's proof that the session is over.
      const end = () =>
        sessions.revokeLinked(toSessionLink(iss, sid), REASON, { onStep: (ended) => auditEnded(c, ended) });
      await auditAttempt(c, 'session-revoked', { issuer: iss, reason: REASON }, end);
      c.header('content-security-policy', `default-src 'none'; frame-ancestors ${new URL(issuer).origin}`);
      return c.html('<!doctype html><html lang="en"><title>Signed out</title><p>Signed out</p></html>', 200);
    }),
  );

  app.openapi(backChannel, (c) =>
    auditRefusal(c, async () => {
      const token = await verifyLogoutToken(provider, c.req.valid('form').logout_token);
      const issuer = await provider.issuer();
      const counters = countersOf(issuer, token.jti);
      if ((await sessions.takeLimit(counters, LOOK)) > 0) {
        throw new HoldfastError('invalid-request', 'This logout token came before.');
      }
      const fields = { issuer, reason: REASON, ...(token.subject === undefined ? {} : { subject: token.subject }) };
      await auditAttempt(c, 'session-revoked', fields, () =>
        endSessions(sessions, issuer, token, (ended) => auditEnded(c, ended)),
      );
      // Only now, so that a token that could not be acted on is good once more. Where this is not confirmed, the answer is
      // 503 although the sessions have ended: a failover could forget it, and the token would be good again.
      await sessions.confirmLimit(counters, USED);
      return c.body(null, 200);
    }),
  );
}

async function endSessions(
  sessions: SessionStore,
  issuer: string,
  { sid, subject }: LogoutToken,
  onStep: (ended: Ended[]) => void,
): Promise<void> {
  const userId = subject === undefined ? undefined : toOidcUserId(issuer, subject);
  if (sid !== undefined) {
    await sessions.revokeLinked(toSessionLink(issuer, sid), REASON, { userId, final: true, onStep });
    return;
  }
  const user = userId as string;
  await sessions.revokeUser(user, REASON, '', (ids) => onStep(ids.map((id) => ({ id, userId: user }))));
}

/** A look whether there is a place in the counter; it takes none. */
const LOOK = 'look';
const USED = 'used';

/** A token that is sent once more would end sessions that were begun since: one place, taken when it has been used. */
function countersOf(issuer: string, jti: string): LimitCounter[] {
  // Longer than any token is accepted, on both sides of the clock's tolerance.
  const windowMs = 2 * LONGEST_AGE_SECONDS * 1000;
  return [{ key: `jti:${digestIssued(issuer, jti)}`, limit: 1, windowMs, pendingMs: 1 }];
}

function auditEnded(c: Context, ended: readonly Ended[]): void {
  for (const [userId, sessions = []] of Map.groupBy(ended, (session) => session.userId)) {
    audit(c, 'session-revoked', { userId, sessionIds: sessions.map(({ id }) => id), reason: REASON });
  }
}
