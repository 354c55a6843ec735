import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { type Arm, type ArmSettings, IDLE_TIMEOUT_MS, inBatches, openPort } from './arm.ts';
import { connectNodeRedis } from './connect-node-redis.ts';
import { newConnectSession, newLogin } from './new-connect-session.ts';

declare module 'express-session' {
  interface SessionData {
    userId: string;
    roles: string[];
    amr: string[];
    authenticatedAtMs: number;
  }
}

/**
 * express-session with connect-redis and node-redis, as connect-redis' README ("resave: false, required: force
 * lightweight session keep alive (touch)") and Express' production guide ask for: NODE_ENV=production, secure cookies
 * behind a trusted proxy, no session for those who have none.
 */
export async function createArm({ redis, secret }: ArmSettings): Promise<Arm> {
  const store = new RedisStore({ client: await connectNodeRedis(redis), prefix: 'express:' });
  const app = express();
  app.set('trust proxy', 1);
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(
    session({
      store,
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { secure: true, httpOnly: true, sameSite: 'lax', maxAge: IDLE_TIMEOUT_MS },
    }),
  );
  app.get('/me', (request, response) => {
    const { userId, roles } = request.session;
    if (userId === undefined) response.status(401).json({ error: 'unauthenticated' });
    else response.json({ userId, roles });
  });
  app.post('/session', (request, response, next) => {
    // Against session fixation, as express-session's README shows for a login.
    request.session.regenerate((error) => {
      if (error) return next(error);
      Object.assign(request.session, newLogin(request.header('x-user') ?? 'user-0'));
      response.status(201).json({ userId: request.session.userId });
    });
  });
  app.delete('/session', (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.status(204).end()));
  });
  return {
    listen: () => openPort(createServer(app)),
    seed: (userIds) =>
      inBatches(userIds, async (userId) => {
        const id = randomBytes(24).toString('base64url');
        await store.set(id, newConnectSession(userId));
        const signature = createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');
        return `cookie: connect.sid=${encodeURIComponent(`s:${id}.${signature}`)}`;
      }),
  };
}
