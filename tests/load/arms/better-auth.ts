import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { createAdaptorServer } from '@hono/node-server';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { Hono } from 'hono';
import { ABSOLUTE_TIMEOUT_MS, type Arm, type ArmSettings, inBatches, openPort, rolesOfEveryUser } from './arm.ts';
import { connectNodeRedis } from './connect-node-redis.ts';

/**
 * better-auth with Redis as secondary storage, as its documentation connects it, and `getSession` called as its Hono
 * guide does. Its rate limit is off: it would answer 429 to one address. The cookie cache, an option, is off as by
 * default: what is in a cookie can't be revoked.
 */
export async function createArm({ redis, secret }: ArmSettings): Promise<Arm> {
  const client = await connectNodeRedis(redis);
  const secondaryStorage = {
    get: (key: string) => client.get(`better:${key}`),
    set: async (key: string, value: string, ttlSeconds?: number) => {
      await client.set(`better:${key}`, value, ttlSeconds ? { expiration: { type: 'EX', value: ttlSeconds } } : {});
    },
    delete: async (key: string) => {
      await client.del(`better:${key}`);
    },
    getAndDelete: (key: string) => client.getDel(`better:${key}`),
    increment: async (key: string, ttlSeconds: number) => {
      const value = await client.incr(`better:${key}`);
      if (value === 1) await client.expire(`better:${key}`, ttlSeconds);
      return value;
    },
  };
  const auth = betterAuth({
    baseURL: 'https://bench.example',
    secret,
    // It logs in nobody whom its database doesn't know: these are the users of a load's clients.
    database: memoryAdapter({
      user: Array.from({ length: 64 }, (_, client) => createUser(`login-${client}`)),
      session: [],
      account: [],
      verification: [],
    }),
    secondaryStorage,
    session: { expiresIn: ABSOLUTE_TIMEOUT_MS / 1000 },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    telemetry: { enabled: false },
  });
  const { internalAdapter, authCookies } = await auth.$context;
  const sign = (token: string) => {
    const signature = createHmac('sha256', secret).update(token).digest('base64');
    return `${authCookies.sessionToken.name}=${encodeURIComponent(`${token}.${signature}`)}`;
  };

  const app = new Hono();
  app.get('/me', async (c) => {
    const found = await auth.api.getSession({ headers: c.req.raw.headers });
    if (!found) return c.json({ error: 'unauthenticated' }, 401);
    return c.json({ userId: found.user.id, roles: rolesOfEveryUser });
  });
  app.post('/session', async (c) => {
    const { token, userId } = await internalAdapter.createSession(c.req.header('x-user') ?? 'user-0');
    c.header('set-cookie', `${sign(token)}; Path=/; HttpOnly; Secure; SameSite=Lax`);
    return c.json({ userId }, 201);
  });
  app.delete('/session', async (c) => {
    await auth.api.signOut({ headers: c.req.raw.headers });
    return c.body(null, 204);
  });
  app.get('/sessions', async (c) => c.json({ sessions: await auth.api.listSessions({ headers: c.req.raw.headers }) }));
  app.delete('/sessions', async (c) => c.json(await auth.api.revokeSessions({ headers: c.req.raw.headers })));
  const server = createAdaptorServer({ fetch: app.fetch });

  // As its internal adapter writes a session, with the list of the user's sessions; its memory database would look
  // through all users for each.
  const active = new Map<string, { token: string; expiresAt: number }[]>();
  const seedOne = async (userId: string) => {
    const now = Date.now();
    const token = randomBytes(24).toString('base64url');
    const expiresAt = now + ABSOLUTE_TIMEOUT_MS;
    const user = createUser(userId);
    const times = { createdAt: user.createdAt, updatedAt: user.updatedAt };
    const device = { ipAddress: '192.0.2.7', userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101' };
    const session = { id: randomUUID(), token, userId, expiresAt: new Date(expiresAt), ...device, ...times };
    const list = [...(active.get(userId) ?? []), { token, expiresAt }];
    active.set(userId, list);
    const ttlSeconds = ABSOLUTE_TIMEOUT_MS / 1000;
    await secondaryStorage.set(`active-sessions-${userId}`, JSON.stringify(list), ttlSeconds);
    await secondaryStorage.set(token, JSON.stringify({ session, user }), ttlSeconds);
    return `cookie: ${sign(token)}`;
  };
  return { listen: () => openPort(server), seed: (userIds) => inBatches(userIds, seedOne) };
}

function createUser(id: string) {
  const now = new Date();
  const email = `${id}@example.com`;
  return { id, name: id, email, emailVerified: true, image: null, createdAt: now, updatedAt: now };
}
