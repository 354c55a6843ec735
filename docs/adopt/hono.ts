import { requireSession, type SessionStore } from '@holdfast/session';
import { Hono } from 'hono';

export function createApp(sessions: SessionStore) {
  const guard = requireSession({ sessions, trustedOrigins: ['https://shop.example'] });
  const app = new Hono();
  app.on(['GET', 'POST'], '/hello', guard, (c) => c.json({ hello: c.get('session').userId }));
  return app;
}
