import type { SessionStore } from '@holdfast/session';
import { requireSession } from '@holdfast/session/express';
import express from 'express';

export function createApp(sessions: SessionStore) {
  const guard = requireSession({ sessions, trustedOrigins: ['https://shop.example'] });
  const app = express();
  app.all('/hello', guard, (request, response) => {
    response.json({ hello: request.holdfastSession.userId });
  });
  return app;
}
