import { createSessionToken } from '@holdfast/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adopters, type Listening } from '../support/adopters.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { type RawReply, type RawRequest, sendRaw } from '../support/send-raw.ts';
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

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const cookie = (token: string) => ({ cookie: `theme=dark; __Host-hf=${token}` });
const revoked = async () => {
  const { token, session } = await sessions.create('somebody');
  await sessions.auth.revoke(session.id, { userId: 'somebody' }, 'logout');
  return token;
};

type Headers = Record<string, string | string[]>;
type Case = [name: string, request: (live: string) => Headers | Promise<Headers>, status: number, code?: string];
const cases: Record<'GET' | 'POST', Case[]> = {
  GET: [
    ['a live session by bearer token', (live) => bearer(live), 200],
    ['a live session by cookie, from wherever', (live) => ({ ...cookie(live), 'sec-fetch-site': 'cross-site' }), 200],
    ['no credential', () => ({}), 401, 'session-missing'],
    ['a credential of another scheme', () => ({ authorization: 'Basic YTpi' }), 401, 'session-missing'],
    ['a malformed token', (live) => bearer(live.slice(0, -1)), 401, 'session-malformed'],
    ['an empty token', () => ({ authorization: 'Bearer' }), 401, 'session-malformed'],
    ['a token nobody made', () => bearer(createSessionToken('nobody').token), 401, 'session-unknown'],
    ['a session that was ended', async () => bearer(await revoked()), 401, 'session-revoked'],
    ['a cookie and a bearer token', (live) => ({ ...cookie(live), ...bearer(live) }), 400, 'invalid-request'],
    ['the same cookie twice', (live) => ({ cookie: [`__Host-hf=${live}`, `__Host-hf=${live}`] }), 200],
    [
      'the cookies of two live sessions',
      async (live) => ({ cookie: [`__Host-hf=${live}`, `__Host-hf=${(await sessions.create('another')).token}`] }),
      400,
      'invalid-request',
    ],
    [
      'two bearer tokens',
      (live) => ({ authorization: [`Bearer ${live}`, `Bearer ${live}`] }),
      401,
      'session-malformed',
    ],
  ],
  POST: [
    ['a cookie from this site', (live) => ({ ...cookie(live), 'sec-fetch-site': 'same-origin' }), 200],
    ['a cookie from a trusted origin', (live) => ({ ...cookie(live), origin: 'https://shop.example' }), 200],
    ['a bearer token from wherever', (live) => ({ ...bearer(live), 'sec-fetch-site': 'cross-site' }), 200],
    ['a cookie from nowhere', (live) => cookie(live), 403, 'csrf-rejected'],
    [
      'a cookie from another site',
      (live) => ({ ...cookie(live), 'sec-fetch-site': 'cross-site' }),
      403,
      'csrf-rejected',
    ],
    [
      'a cookie from another origin',
      (live) => ({ ...cookie(live), origin: 'https://evil.example' }),
      403,
      'csrf-rejected',
    ],
  ],
};
const challenges: Record<string, string> = { 'session-missing': 'Bearer' };

function expectProblem(reply: RawReply, status: number, code: string) {
  expect(JSON.parse(reply.text)).toMatchObject({ type: `urn:holdfast:problem:${code}`, status, code });
  expect(Object.keys(JSON.parse(reply.text))).toEqual(['type', 'title', 'status', 'detail', 'code']);
  expect(reply.status).toBe(status);
  expect(reply.headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  expect(reply.headers['set-cookie']).toBeUndefined();
  const challenge = status === 401 ? (challenges[code] ?? 'Bearer error="invalid_token"') : undefined;
  expect(reply.headers['www-authenticate']).toBe(challenge);
  expect(reply.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
}

describe.each(Object.entries(adopters))('a service made with %s', (_, start) => {
  let service: Listening;
  beforeAll(async () => {
    service = await start(sessions.validator);
  });
  afterAll(() => service?.close());
  const ask = (request: RawRequest) => sendRaw(service.url, '/hello', request);

  for (const method of ['GET', 'POST'] as const) {
    test.each(cases[method])(`answers a ${method} with %s`, async (_, createHeaders, status, code) => {
      const { token } = await sessions.create('somebody');
      const reply = await ask({ method, headers: await createHeaders(token) });
      if (code !== undefined) return expectProblem(reply, status, code);
      expect(reply.status).toBe(status);
      expect(JSON.parse(reply.text)).toEqual({ hello: 'somebody' });
    });
  }

  test('logs nobody out while the store is down, and serves them again when it is back', async () => {
    const { token } = await sessions.create('somebody');
    await redis.killed();
    try {
      for (const headers of [bearer(token), cookie(token)]) {
        expectProblem(await ask({ headers }), 503, 'store-unavailable');
      }
    } finally {
      await redis.start();
    }
    await pollUntil('the session to work again', 10_000, async () => {
      const { status } = await ask({ headers: cookie(token) });
      return status === 200;
    });
    await pollUntil('auth to have Redis back', 10_000, () => sessions.auth.ping().then(() => true));
  });
});
