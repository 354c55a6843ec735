import { formBody } from '@holdfast/pages';
import { jsonContent, problemContents } from '@holdfast/runtime';
import { endReused, HoldfastError, parseSessionToken } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { audit } from '../audit.ts';
import { auditReuse } from '../audit-reuse.ts';
import type { AuthApp, AuthEnv, AuthServices } from '../auth-context.ts';

const SECURITY_SCHEME = 'introspectionClient';

const inactive = z.object({ active: z.literal(false) });
const active = z.object({
  active: z.literal(true),
  token_type: z.literal('Bearer'),
  iss: z.string(),
  sub: z.string(),
  sid: z.string(),
  iat: z.int(),
  exp: z.int(),
  auth_time: z.int(),
  amr: z.array(z.string()),
  roles: z.array(z.string()),
});

const route = createRoute({
  method: 'post',
  path: '/v1/introspect',
  operationId: 'introspect',
  tags: ['tokens'],
  summary: 'Whether a session token is good, and whose it is (RFC 7662)',
  description: 'For services in other languages. A JWT is not introspected: it is verified with the published keys.',
  security: [{ [SECURITY_SCHEME]: [] }],
  request: {
    body: formBody(z.object({ token: z.string().min(1).max(4096), token_type_hint: z.string().max(64).optional() })),
  },
  responses: {
    200: jsonContent(z.union([active, inactive]), 'What is known of it; of a token that is not good, nothing'),
    ...problemContents({
      401: 'Not a client that may ask',
      422: 'No token',
      503: 'The store can’t answer: the token may be good',
    }),
  },
});

/** `POST /v1/introspect`. To ask about a token is to use its session, as when a service validates it itself. */
export function addIntrospectRoute(app: AuthApp, { sessions, clients, config, metrics }: AuthServices): void {
  app.openAPIRegistry.registerComponent('securitySchemes', SECURITY_SCHEME, { type: 'http', scheme: 'basic' });
  const seconds = (timeMs: number) => Math.floor(timeMs / 1000);

  const requireClient: MiddlewareHandler<AuthEnv> = async (c, next) => {
    if (clients.authenticate(c.req.header('authorization')) === undefined) {
      audit(c, 'client-refused', {});
      const headers = { 'www-authenticate': 'Basic realm="holdfast introspection", charset="UTF-8"' };
      const detail = 'Send `Authorization: Basic` with the id and the secret of a client that may introspect.';
      throw new HoldfastError('invalid-client', detail, { headers });
    }
    await next();
  };

  app.openapi({ ...route, middleware: requireClient }, async (c) => {
    const token = parseSessionToken(c.req.valid('form').token);
    if (!token) return c.json({ active: false as const }, 200);
    const validation = await sessions.validate(token);
    metrics.recordValidation(validation.outcome);
    if (validation.outcome === 'reused') await endReused(token, { sessions, onReuse: auditReuse(c) });
    if (validation.outcome !== 'active') return c.json({ active: false as const }, 200);
    const { session, touchDue, firstUse } = validation;
    if (touchDue) sessions.touch(session.id, firstUse);
    return c.json(
      {
        active: true as const,
        token_type: 'Bearer' as const,
        iss: config.issuer,
        sub: session.userId,
        sid: session.id,
        iat: seconds(session.createdAtMs),
        exp: seconds(session.absoluteExpiresAtMs),
        auth_time: seconds(session.authenticatedAtMs),
        amr: [...session.amr],
        roles: [...session.roles],
      },
      200,
    );
  });
}
