import { callerSecurity, jsonContent, problemContents } from '@holdfast/runtime';
import { clearSessionCookie, HoldfastError } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { audit, auditAttempt } from '../audit.ts';
import type { AuthApp, AuthEnv, AuthServices } from '../auth-context.ts';
import { requireOwnSession } from '../require-own-session.ts';
import { listPage, sessionPageQuery, sessionPageSchema } from '../session-pages.ts';

const ADMIN_ROLE = 'admin';

const request = { params: z.object({ id: z.string().regex(/^[\x21-\x7e]{1,256}$/) }) };
const refusals = {
  401: 'No live session',
  403: `Not an ${ADMIN_ROLE}, or sent by another site`,
  404: 'Not a user id',
  503: 'The store can’t answer',
};

const list = createRoute({
  method: 'get',
  path: '/v1/users/{id}/sessions',
  operationId: 'listUserSessions',
  tags: ['administration'],
  summary: 'An admin looks at the live sessions of a user',
  security: callerSecurity,
  request: { ...request, query: sessionPageQuery },
  responses: {
    200: jsonContent(sessionPageSchema, 'Oldest first; never a token. None for no user'),
    ...problemContents({ ...refusals, 400: 'A limit or cursor that is none' }),
  },
});

const revokeAll = createRoute({
  method: 'delete',
  path: '/v1/users/{id}/sessions',
  operationId: 'endUserSessions',
  tags: ['administration'],
  summary: 'An admin signs a user out everywhere',
  security: callerSecurity,
  request,
  responses: {
    200: jsonContent(
      z.object({ revoked: z.int() }),
      'How many were still alive: those that an unconfirmed attempt before this one ended are not counted',
    ),
    ...problemContents({
      ...refusals,
      401: 'No live session, or one whose authentication is too old (RFC 9470)',
      503: 'They may or may not have ended: try again',
    }),
  },
});

/** `/v1/users/{id}/sessions`: what an admin may see and end of somebody else. */
export function addAdminRoutes(app: AuthApp, services: AuthServices): void {
  const { sessions } = services;
  const { adminMaxAuthAgeMs } = services.config;
  const maxAuthAgeMs = adminMaxAuthAgeMs === 0 ? undefined : adminMaxAuthAgeMs;
  const guard = [requireOwnSession(services), requireAdmin];
  const recentGuard = [requireOwnSession(services, { maxAuthAgeMs }), requireAdmin];

  app.openapi({ ...list, middleware: guard }, async (c) => {
    const { id: userId } = c.req.valid('param');
    const { id: currentId, userId: adminId } = c.get('session');
    const page = await listPage(sessions, userId, currentId, c.req.valid('query'));
    audit(c, 'admin-listed', { userId, adminId });
    return c.json(page, 200);
  });

  app.openapi({ ...revokeAll, middleware: recentGuard }, async (c) => {
    const { id: userId } = c.req.valid('param');
    const { id: currentId, userId: adminId } = c.get('session');
    const fields = { userId, adminId, reason: 'ended-by-admin' } as const;
    const auditStep = (sessionIds: string[]) => audit(c, 'admin-revoked', { ...fields, sessionIds });
    const sessionIds = await auditAttempt(c, 'admin-revoked', fields, () =>
      sessions.revokeUser(userId, 'ended-by-admin', '', auditStep),
    );
    if (sessionIds.length === 0) auditStep([]);
    const { kind } = c.get('credential');
    if (kind === 'cookie' && sessionIds.includes(currentId)) c.header('set-cookie', clearSessionCookie());
    return c.json({ revoked: sessionIds.length }, 200);
  });
}

/** The role is that of the last authentication: whoever loses it keeps it until that session ends (SECURITY.md). */
const requireAdmin: MiddlewareHandler<AuthEnv> = async (c, next) => {
  const { userId: adminId, roles } = c.get('session');
  if (!roles.includes(ADMIN_ROLE)) {
    audit(c, 'admin-refused', { adminId });
    throw new HoldfastError('forbidden', `This needs the role ${ADMIN_ROLE}.`);
  }
  await next();
};
