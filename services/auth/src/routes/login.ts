import { jsonContent, problemContents } from '@holdfast/runtime';
import { toSessionView } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { logIn } from '../log-in.ts';
import { sessionSchema } from '../schemas.ts';

const route = createRoute({
  method: 'post',
  path: '/v1/sessions',
  operationId: 'logIn',
  tags: ['sessions'],
  summary: 'Log in',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            username: z.string().min(1).max(256),
            password: z.string().min(1).max(1024),
            transport: z.enum(['cookie', 'bearer']).default('cookie'),
          }),
        },
      },
    },
  },
  responses: {
    201: jsonContent(
      z.object({ session: sessionSchema, token: z.string().optional() }),
      'Logged in; the token only for bearer',
    ),
    ...problemContents({
      401: 'Wrong username or password',
      403: 'Sent by another site',
      409: 'Signed in too often already',
      422: 'Not a login',
      429: 'Too many failed logins',
      503: 'The store can’t answer, or not enough replicas confirmed',
    }),
  },
});

/** `POST /v1/sessions`: checks the credentials and creates a session. */
export function addLoginRoute(app: AuthApp, services: AuthServices): void {
  app.openapi(route, async (c) => {
    const { username, password, transport } = c.req.valid('json');
    const asCookie = transport === 'cookie';
    const { token, session } = await logIn(c, services, { username, password, asCookie });
    const view = toSessionView(session, session.id);
    return c.json(asCookie ? { session: view } : { session: view, token }, 201);
  });
}
