import { callerSecurity, jsonContent, problemContents } from '@holdfast/runtime';
import { toSessionView } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { logOut } from '../end-sessions.ts';
import { requireOwnSession } from '../require-own-session.ts';
import { rotateSession, tokenForBearer } from '../rotate-session.ts';
import { rotatedSchema, sessionSchema } from '../schemas.ts';

const whoami = createRoute({
  method: 'get',
  path: '/v1/session',
  operationId: 'getSession',
  tags: ['session'],
  security: callerSecurity,
  summary: 'The session this request carries',
  responses: {
    200: jsonContent(z.object({ session: sessionSchema }), 'It is alive'),
    ...problemContents({ 401: 'No live session', 503: 'The store can’t answer' }),
  },
});

const rotate = createRoute({
  method: 'post',
  path: '/v1/session/rotate',
  operationId: 'rotateSession',
  tags: ['session'],
  summary: 'Exchange the session’s token for the next one',
  description:
    'The old token works until 30 seconds after the new one was first used. Asking again with it gives the same new one. Until then the new one is not exchanged: asking with it gives no new cookie, and for bearer the token that was sent.',
  security: callerSecurity,
  responses: {
    200: jsonContent(rotatedSchema, 'The same session; its new token as cookie, or here for bearer'),
    ...problemContents({ 401: 'No live session', 403: 'Sent by another site', 503: 'The old token still works' }),
  },
});

const logout = createRoute({
  method: 'delete',
  path: '/v1/session',
  operationId: 'logOut',
  tags: ['session'],
  security: [...callerSecurity, {}],
  summary: 'Log out',
  responses: {
    204: { description: 'The session has ended, or there was none; the cookie is cleared' },
    ...problemContents({ 403: 'Sent by another site', 503: 'It may not have ended: try again' }),
  },
});

/** `/v1/session`: the session of the request itself. */
export function addSessionRoute(app: AuthApp, services: AuthServices): void {
  app.openapi({ ...whoami, middleware: requireOwnSession(services) }, (c) => {
    const session = c.get('session');
    return c.json({ session: toSessionView(session, session.id) }, 200);
  });

  app.openapi({ ...rotate, middleware: requireOwnSession(services, { rotates: false }) }, async (c) => {
    const { token, session } = await rotateSession(c, services, { minAgeMs: 0 });
    return c.json({ session: toSessionView(session, session.id), ...tokenForBearer(c, token) }, 200);
  });

  app.openapi(logout, async (c) => {
    await logOut(c, services);
    return c.body(null, 204);
  });
}
