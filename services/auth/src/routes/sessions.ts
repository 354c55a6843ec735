import { callerSecurity, jsonContent, problemContents } from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { endAll, endOne } from '../end-sessions.ts';
import { requireOwnSession } from '../require-own-session.ts';
import { listPage, sessionPageQuery, sessionPageSchema } from '../session-pages.ts';

const refusals = { 401: 'No live session', 403: 'Sent by another site', 503: 'The store can’t answer' };

const badQuery = { 400: 'A limit or cursor that is none' };

const list = createRoute({
  method: 'get',
  path: '/v1/sessions',
  operationId: 'listSessions',
  tags: ['sessions'],
  security: callerSecurity,
  summary: 'The caller’s own live sessions, oldest first',
  request: { query: sessionPageQuery },
  responses: {
    200: jsonContent(sessionPageSchema, 'The sessions; never a token'),
    ...problemContents({ ...refusals, ...badQuery }),
  },
});

const revokeOne = createRoute({
  method: 'delete',
  path: '/v1/sessions/{id}',
  operationId: 'endSession',
  tags: ['sessions'],
  security: callerSecurity,
  summary: 'Sign out one of the caller’s own sessions',
  request: { params: z.object({ id: z.string() }) },
  responses: {
    204: { description: 'It has ended' },
    ...problemContents({ ...refusals, 404: 'Not one of the caller’s', 503: 'It may or may not have ended: try again' }),
  },
});

const revokeAll = createRoute({
  method: 'delete',
  path: '/v1/sessions',
  operationId: 'endSessions',
  tags: ['sessions'],
  security: callerSecurity,
  summary: 'Sign out everywhere, or everywhere else',
  request: { query: z.object({ except: z.enum(['current']).optional() }) },
  responses: {
    200: jsonContent(
      z.object({ revoked: z.int() }),
      'How many were still alive: those that an unconfirmed attempt before this one ended are not counted',
    ),
    ...problemContents({
      ...refusals,
      400: 'Not a query this knows',
      503: 'They may or may not have ended: try again',
    }),
  },
});

/** `/v1/sessions`: all sessions of the caller. Logging in is in `login.ts`. */
export function addSessionsRoutes(app: AuthApp, services: AuthServices): void {
  const { sessions } = services;
  const guard = requireOwnSession(services);

  app.openapi({ ...list, middleware: guard }, async (c) => {
    const current = c.get('session');
    return c.json(await listPage(sessions, current.userId, current.id, c.req.valid('query')), 200);
  });

  app.openapi({ ...revokeOne, middleware: guard }, async (c) => {
    if (!(await endOne(c, services, c.req.valid('param').id))) {
      throw new HoldfastError('not-found', 'You have no such session. GET /v1/sessions lists those you have.');
    }
    return c.body(null, 204);
  });

  app.openapi({ ...revokeAll, middleware: guard }, async (c) => {
    return c.json({ revoked: await endAll(c, services, c.req.valid('query').except) }, 200);
  });
}
