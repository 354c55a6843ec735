import { randomBytes } from 'node:crypto';
import fastifyCookie, { Signer } from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { RedisStore } from 'connect-redis';
import fastify from 'fastify';
import { type Arm, type ArmSettings, IDLE_TIMEOUT_MS, inBatches } from './arm.ts';
import { connectNodeRedis } from './connect-node-redis.ts';
import { newConnectSession, newLogin } from './new-connect-session.ts';

declare module 'fastify' {
  interface Session {
    userId: string;
    roles: string[];
    amr: string[];
    authenticatedAtMs: number;
  }
}

/**
 * @fastify/session over connect-redis ("Compatible with stores from express-session", says its README). `rolling` is
 * its default: every response moves the expiry and saves the session, which is how it has an idle timeout.
 */
export async function createArm({ redis, secret }: ArmSettings): Promise<Arm> {
  const store = new RedisStore({ client: await connectNodeRedis(redis), prefix: 'fastify:' });
  const app = fastify({ trustProxy: true });
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret,
    store: store as never,
    saveUninitialized: false,
    cookie: { secure: true, httpOnly: true, sameSite: 'lax', maxAge: IDLE_TIMEOUT_MS },
  });
  app.get('/me', async (request, reply) => {
    const { userId, roles } = request.session;
    if (userId === undefined) return reply.code(401).send({ error: 'unauthenticated' });
    return { userId, roles };
  });
  app.post('/session', async (request, reply) => {
    await request.session.regenerate();
    Object.assign(request.session, newLogin(String(request.headers['x-user'] ?? 'user-0')));
    return reply.code(201).send({ userId: request.session.userId });
  });
  app.delete('/session', async (request, reply) => {
    await request.session.destroy();
    return reply.code(204).send();
  });
  const signer = new Signer(secret, 'sha256');
  return {
    listen: async () => {
      await app.listen({ host: '127.0.0.1', port: 0 });
      return (app.server.address() as { port: number }).port;
    },
    seed: (userIds) =>
      inBatches(userIds, async (userId) => {
        const id = randomBytes(24).toString('base64url');
        await store.set(id, newConnectSession(userId) as never);
        return `cookie: sessionId=${encodeURIComponent(signer.sign(id))}`;
      }),
  };
}
