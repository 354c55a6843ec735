import { jsonContent, problemContents } from '@holdfast/runtime';
import { requireActive, requireToken, toSessionView } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { logOut } from '../end-sessions.ts';
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
export function addSessionRoute(app: AuthApp, services: AuthServices): void {
  const { sessions, metrics, config } = services;
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
    await logOut(c, services);
    return c.body(null, 204);
  });
}
