import { createLogger } from '@holdfast/runtime';
import { HoldfastError, requireSession, type SessionStore } from '@holdfast/session';
import { requireSession as requireExpressSession } from '@holdfast/session/express';
import { requireSession as requireFastifySession } from '@holdfast/session/fastify';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp as createEdge } from '../../services/edge/src/create-app.ts';
import { createUpstream } from '../../services/edge/src/create-upstream.ts';
import { adopters, type Listening, listening, serveHono } from '../support/adopters.ts';
import { CLIENT, createTestAuth, newCookie, type TestAuth } from '../support/auth-app.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { passGrace } from '../support/session-records.ts';
import { startServices } from '../support/start-services.ts';
import { startSessions, type TestSessions } from '../support/start-sessions.ts';

let redis: TestRedis;
let sessions: TestSessions;
beforeAll(async () => {
  redis = await startRedis();
  sessions = await startSessions(redis);
});
afterAll(async () => {
  await sessions?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

const outcomes = async (token: string) => {
  const parsed = sessions.parse(token);
  const stores = [sessions.validator, sessions.auth];
  return Promise.all(stores.map(async (store) => (await store.validate(parsed)).outcome));
};

const untilBack = () =>
  pollUntil('the stores to have Redis back', 10_000, async () => {
    await Promise.all([sessions.auth.ping(), sessions.validator.ping()]);
    return true;
  });

/** While this runs Redis takes no writes: what a reuse comes to can't be written down. */
async function withoutWrites(run: () => Promise<void>): Promise<void> {
  const admin = redis.admin();
  await admin.config('SET', 'min-replicas-to-write', '1');
  try {
    await run();
  } finally {
    await admin.config('SET', 'min-replicas-to-write', '0');
  }
}

describe.each(Object.entries(adopters))('a service made with %s, that has no onReuse', (_, start) => {
  let service: Listening;
  beforeAll(async () => {
    service = await start(sessions.validator);
  });
  afterAll(() => service?.close());
  const ask = async (token: string, method = 'GET') => {
    const headers = { cookie: `__Host-hf=${token}`, 'sec-fetch-site': 'same-origin' };
    const response = await fetch(`${service.url}/hello`, { method, headers });
    return `${response.status} ${((await response.json()) as { code?: string }).code ?? ''}`;
  };

  test.each(['GET', 'POST'])(
    'ends a session whose replaced token came back in a %s, for the thief too',
    async (method) => {
      const { old, successor } = await sessions.stolen();
      expect(await ask(successor)).toBe('200 ');
      expect(await ask(old, method)).toBe('401 session-reused');
      expect(await ask(successor)).toBe('401 session-reused');
      expect(await outcomes(successor)).toEqual(['reused', 'reused']);
    },
  );

  test('refuses a replaced token also when that can’t be written, says so to onError, and ends the session later', async () => {
    const { old, successor } = await sessions.stolen();
    sessions.errors.length = 0;
    await withoutWrites(async () => expect(await ask(old)).toBe('401 session-reused'));
    expect(sessions.errors).toContainEqual(expect.objectContaining({ code: 'not-durable', status: 503 }));
    expect(await ask(old)).toBe('401 session-reused');
    expect(await ask(successor)).toBe('401 session-reused');
  });

  test('tells the onError of the store, with its cause, why it answers 503', async () => {
    const { token } = await sessions.create('somebody');
    sessions.errors.length = 0;
    await redis.killed();
    try {
      expect(await ask(token)).toBe('503 store-unavailable');
    } finally {
      await redis.start();
    }
    const reported = sessions.errors.filter((error) => error instanceof HoldfastError);
    expect(reported).toContainEqual(
      expect.objectContaining({
        code: 'store-unavailable',
        cause: expect.objectContaining({ message: expect.any(String) }),
      }),
    );
    await untilBack();
  });
});

type Guarded = (sessions: SessionStore, onError: (error: Error) => void) => Promise<Listening>;
const trustedOrigins: string[] = [];
const ownReports: Record<string, Guarded> = {
  Hono: (store, onError) => {
    const guard = requireSession({ sessions: store, trustedOrigins, onError });
    return serveHono(new Hono().get('/hello', guard, (c) => c.text('')));
  },
  Express: (store, onError) => {
    const app = express().get('/hello', requireExpressSession({ sessions: store, trustedOrigins, onError }));
    return listening(app.listen(0, '127.0.0.1'));
  },
  Fastify: async (store, onError) => {
    const app = fastify();
    app.decorateRequest('holdfastSession');
    const onRequest = requireFastifySession({ sessions: store, trustedOrigins, onError });
    app.get('/hello', { onRequest }, () => ({}));
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }), close: () => app.close() };
  },
};

test.each(Object.entries(ownReports))(
  'a guard of %s with an onError of its own reports there, once',
  async (_, start) => {
    const reported: Error[] = [];
    const { token } = await sessions.create('somebody');
    const service = await start(sessions.validator, (error) => reported.push(error));
    try {
      await redis.killed();
      sessions.errors.length = 0;
      const response = await fetch(`${service.url}/hello`, { headers: { cookie: `__Host-hf=${token}` } });
      expect(response.status).toBe(503);
      expect(reported).toEqual([expect.objectContaining({ code: 'store-unavailable', cause: expect.any(Error) })]);
      expect(sessions.errors.filter((error) => error instanceof HoldfastError)).toEqual([]);
    } finally {
      await redis.start();
      await service.close();
    }
    await untilBack();
  },
);

test('a service with a local cache forgets the thief’s token with the request that brought the old one', async () => {
  const cached = sessions.openCached();
  const service = await serveHono(
    new Hono().get('/hello', requireSession({ sessions: cached, trustedOrigins }), (c) => c.text('')),
  );
  try {
    const ask = (token: string) => fetch(`${service.url}/hello`, { headers: { cookie: `__Host-hf=${token}` } });
    const { old, successor } = await sessions.stolen();
    await pollUntil('the successor to be answered from memory', 10_000, async () => {
      await ask(successor);
      return cached.recall(successor) !== undefined;
    });
    expect((await ask(old)).status).toBe(401);
    expect((await ask(successor)).status).toBe(401);
  } finally {
    await service.close();
    await cached.close();
  }
});

test('orders ends a session whose replaced token came back, asked directly and through the edge, by API and page', async () => {
  await using services = await startServices();
  await using own = await startSessions(services.redis);
  const edgeApp = createEdge({
    auth: createUpstream({ urls: [services.auth.url] }),
    orders: createUpstream({ urls: [services.orders.url] }),
    logger: createLogger({ service: 'edge', level: 'silent' }),
  });
  const edge = await serveHono(edgeApp);
  try {
    for (const url of [services.orders.url, edge.url]) {
      for (const path of ['/v1/orders', '/orders']) {
        const ask = async (token: string) => {
          const response = await fetch(url + path, { headers: { cookie: `__Host-hf=${token}` }, redirect: 'manual' });
          return response.status;
        };
        const refused = path === '/orders' ? 303 : 401;
        const { old, successor } = await own.stolen();
        expect([await ask(successor), await ask(old), await ask(successor)]).toEqual([200, refused, refused]);
        expect((await own.auth.validate(own.parse(successor))).outcome).toBe('reused');
      }
    }
  } finally {
    await edge.close();
  }
}, 60_000);

describe('auth', () => {
  let auth: TestAuth;
  beforeAll(async () => {
    auth = await createTestAuth();
  });
  afterAll(() => auth?.[Symbol.asyncDispose]());

  const stolenAt = async (username: string) => {
    const { cookie, id } = await auth.logIn(username);
    const next = newCookie(await auth.ask('POST', '/v1/session/rotate', { cookie })) ?? '';
    expect((await auth.ask('GET', '/v1/session', { cookie: next })).status).toBe(200);
    await passGrace(auth.redis.admin(), id);
    return { id, cookie, next };
  };
  const introspect = async (cookie: string) => {
    const authorization = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;
    const form = { token: cookie.split('=')[1] ?? '' };
    const response = await auth.app.request('/v1/introspect', {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(form),
    });
    return [response.status, await response.json()];
  };
  const audited = (id: string) =>
    auth.logLines().filter(({ audit, sessionId }) => audit === 'session-revoked' && sessionId === id);

  test('ends a session whose replaced token is seen on the sign-in page, and audits it', async () => {
    const { id, cookie, next } = await stolenAt('alice');
    expect((await auth.ask('GET', '/auth/sign-in', { cookie })).status).toBe(200);
    expect(audited(id)).toEqual([expect.objectContaining({ userId: 'id-alice', reason: 'reused' })]);
    expect((await auth.ask('GET', '/v1/session', { cookie: next })).status).toBe(401);
  });

  test('says of a replaced token that it is not active, also when the end of the session can’t be written', async () => {
    const { id, cookie, next } = await stolenAt('bob');
    const admin = auth.redis.admin();
    await admin.config('SET', 'min-replicas-to-write', '1');
    try {
      expect(await introspect(cookie)).toEqual([200, { active: false }]);
      const refused = await auth.ask('GET', '/v1/session', { cookie });
      expect([refused.status, await refused.json()]).toEqual([
        401,
        expect.objectContaining({ code: 'session-reused' }),
      ]);
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0');
    }
    expect(audited(id)).toEqual([]);
    expect(await introspect(cookie)).toEqual([200, { active: false }]);
    expect(audited(id)).toEqual([expect.objectContaining({ userId: 'id-bob', reason: 'reused' })]);
    expect(await introspect(next)).toEqual([200, { active: false }]);
  });
});
