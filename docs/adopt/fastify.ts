import type { SessionStore } from '@holdfast/session';
import { requireSession } from '@holdfast/session/fastify';
import fastify from 'fastify';

export function createApp(sessions: SessionStore) {
  const guard = requireSession({ sessions, trustedOrigins: ['https://shop.example'] });
  const app = fastify();
  app.decorateRequest('holdfastSession');
  app.route({
    method: ['GET', 'POST'],
    url: '/hello',
    onRequest: guard,
    handler: async (request) => ({ hello: request.holdfastSession.userId }),
  });
  return app;
}
