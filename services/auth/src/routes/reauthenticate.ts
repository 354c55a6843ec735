import { callerSecurity, jsonContent, problemContents } from '@holdfast/runtime';
import { toSessionView } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import { audit } from '../audit.ts';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { checkCredentials } from '../check-credentials.ts';
import { requireOwnSession } from '../require-own-session.ts';
import { rotateSession, tokenForBearer } from '../rotate-session.ts';
import { rotatedSchema } from '../schemas.ts';

const route = createRoute({
  method: 'post',
  path: '/v1/session/reauthenticate',
  operationId: 'reauthenticate',
  tags: ['session'],
  summary: 'Prove again who you are, in the session that you have',
  description: 'The session gets a new token, as by /v1/session/rotate. Only that one counts as newly authenticated.',
  security: callerSecurity,
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ password: z.string().min(1).max(1024) }) } },
    },
  },
  responses: {
    200: jsonContent(rotatedSchema, 'The same session; its new token as cookie, or here for bearer'),
    ...problemContents({
      401: 'No live session, or the wrong password: then the session stays as it is',
      403: 'Sent by another site',
      422: 'Not a password',
      429: 'Too many failures',
      503: 'The store can’t answer, or did not confirm: the token that was sent still works',
    }),
  },
});

/** `POST /v1/session/reauthenticate`: what a challenge of RFC 9470 asks for. */
export function addReauthenticateRoute(app: AuthApp, services: AuthServices): void {
  app.openapi({ ...route, middleware: requireOwnSession(services, { rotates: false }) }, async (c) => {
    const { id: sessionId, userId } = c.get('session');
    const { password } = c.req.valid('json');
    // Nobody is called ''. Whoever is not in the users file is refused, after the same work.
    const username = services.users.findUsername(userId) ?? '';
    const { roles } = await checkCredentials(c, services, { username, password, sessionId });
    const authentication = { userId, roles, amr: ['pwd'] };
    const { token, session } = await rotateSession(c, services, { minAgeMs: 0, authentication });
    audit(c, 'reauthenticated', { userId, sessionId });
    return c.json({ session: toSessionView(session, sessionId), ...tokenForBearer(c, token) }, 200);
  });
}
