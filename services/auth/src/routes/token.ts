import { callerSecurity, jsonContent, problemContents } from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import { audit } from '../audit.ts';
import type { AuthApp, AuthServices } from '../auth-context.ts';
import { requireOwnSession } from '../require-own-session.ts';

const LIFETIME_SECONDS = 60;

const exchange = createRoute({
  method: 'post',
  path: '/v1/token',
  operationId: 'issueToken',
  tags: ['tokens'],
  security: callerSecurity,
  summary: 'A short-lived JWT for a service that can’t reach Redis',
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: z.object({ audience: z.string().min(1).max(256) }) } },
    },
  },
  responses: {
    200: jsonContent(z.object({ token: z.string(), expiresIn: z.int().describe('seconds') }), 'EdDSA, RFC 7519'),
    ...problemContents({
      401: 'No live session',
      403: 'Sent by another site',
      422: 'No such audience',
      503: 'The store can’t answer',
    }),
  },
});

const jwks = createRoute({
  method: 'get',
  path: '/.well-known/jwks.json',
  operationId: 'getKeys',
  tags: ['tokens'],
  summary: 'The public keys that JWTs are signed with, now and next (RFC 7517)',
  responses: { 200: jsonContent(z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }), 'The keys') },
});

/** `/v1/token` and the keys to verify it with. A JWT can't be revoked, so it lives for a minute. */
export function addTokenRoutes(app: AuthApp, services: AuthServices): void {
  const { keys, config } = services;
  const { audiences, issuer } = config;
  const guard = requireOwnSession(services);

  app.openapi({ ...exchange, middleware: guard }, async (c) => {
    const { audience } = c.req.valid('json');
    if (!audiences.includes(audience)) {
      const known = audiences.join(', ');
      throw new HoldfastError('invalid-request', `There is no such audience. This knows: ${known}.`, { status: 422 });
    }
    const { id: sid, userId: sub, authenticatedAtMs, amr } = c.get('session');
    const claims = { iss: issuer, sub, aud: audience, sid, auth_time: Math.floor(authenticatedAtMs / 1000), amr };
    const token = await keys.sign(claims, LIFETIME_SECONDS);
    audit(c, 'token-issued', { userId: sub, sessionId: sid, audience });
    return c.json({ token, expiresIn: LIFETIME_SECONDS }, 200);
  });

  app.openapi(jwks, async (c) => {
    c.header('cache-control', 'public, max-age=60');
    return c.json({ keys: (await keys.publicKeys()) as ({ kid: string } & Record<string, unknown>)[] }, 200);
  });
}
