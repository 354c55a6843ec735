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
            device: z
              .string()
              .max(256)
              .optional()
              .openapi({ description: 'The `device` of an earlier login: failures of strangers do not lock it out' }),
          }),
        },
      },
    },
  },
  responses: {
    201: jsonContent(
      z.object({ session: sessionSchema, token: z.string().optional(), device: z.string().optional() }),
      'Logged in; the token, and the device to present at the next login, only for bearer',
    ),
    ...problemContents({
      401: 'Wrong username or password',
      403: 'Sent by another site',
      409: 'Signed in too often already',
      422: 'Not a login',
      429: 'Too many logins, failed or not',
      503: 'The store can’t answer, or did not confirm: what may have been begun works for nobody',
    }),
  },
});

/** `POST /v1/sessions`: checks the credentials and creates a session. */
export function addLoginRoute(app: AuthApp, services: AuthServices): void {
  app.openapi(route, async (c) => {
    const { username, password, transport, device: presented } = c.req.valid('json');
    const asCookie = transport === 'cookie';
    const credentials = { username, password, device: presented };
    const { token, session, device } = await logIn(c, services, { ...credentials, asCookie });
    const view = toSessionView(session, session.id);
    return c.json(asCookie ? { session: view } : { session: view, token, device }, 201);
  });
}
