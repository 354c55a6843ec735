import { jsonContent, problemContents } from '@holdfast/runtime';
import {
  clearSessionCookie,
  parseSessionToken,
  readCredential,
  requireActive,
  requireSameOrigin,
  requireToken,
  toSessionView,
} from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import { audit } from '../audit.ts';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { sessionSchema } from '../schemas.ts';

const whoami = createRoute({
  method: 'get',
  path: '/v1/session',
  summary: 'The session this request carries',
  responses: {
    200: jsonContent(z.object({ session: sessionSchema }), 'It is alive'),
    ...problemContents({ 401: 'No live session', 503: 'The store can’t answer' }),
  },
});

const logout = createRoute({
  method: 'delete',
  path: '/v1/session',
  summary: 'Log out',
  responses: {
    204: { description: 'The session has ended, or there was none; the cookie is cleared' },
    ...problemContents({ 403: 'Sent by another site', 503: 'It may not have ended: try again' }),
  },
});

/** `/v1/session`: the session of the request itself. */
export function addSessionRoute(app: AuthApp, { sessions, metrics, config }: AuthServices): void {
  app.openapi(whoami, async (c) => {
    const token = requireToken(c.req.method, (name) => c.req.header(name), config.trustedOrigins);
    const validation = await sessions.describe(token, { safe: true });
    metrics.recordValidation(validation.outcome);
    const session = requireActive(validation);
    if (validation.outcome === 'active' && validation.touchDue) sessions.touch(session.id);
    c.set('session', session);
    return c.json({ session: toSessionView(session, session.id) }, 200);
  });

  app.openapi(logout, async (c) => {
    const header = (name: string) => c.req.header(name);
    const credential = readCredential(header);
    if (credential.kind === 'cookie') requireSameOrigin(c.req.method, header, config.trustedOrigins);
    const token = credential.kind === 'none' ? undefined : parseSessionToken(credential.token);
    if (token) {
      const { outcome, ...owner } = await sessions.revoke(token.id, { secretHash: token.secretHash }, 'logout');
      if (outcome === 'revoked') audit(c, 'logout', { sessionId: token.id, ...owner });
    }
    if (credential.kind !== 'bearer') c.header('set-cookie', clearSessionCookie());
    return c.body(null, 204);
  });
}
