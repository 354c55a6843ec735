import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, createTestAuth, newCookie, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { ageSession, passGrace, readRecord } from '../support/session-records.ts';

const ROTATE_MS = 900_000;

let auth: TestAuth;
let admin: Redis;

beforeAll(async () => {
  auth = await createTestAuth({}, { rotateMs: ROTATE_MS });
  admin = auth.redis.admin();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

const whoami = (cookie: string) => auth.ask('GET', '/v1/session', { cookie });
/** Makes the session's secret old enough. */
const age = (id: string) => ageSession(admin, id, ROTATE_MS);
const logInBearer = async () => {
  const body = { username: 'bob', password: PASSWORD, transport: 'bearer' };
  const response = await auth.ask('POST', '/v1/sessions', { body });
  return (await response.json()) as { token: string; session: { id: string } };
};

describe('POST /v1/session/rotate', () => {
  test('gives a browser its next cookie, with the same promises and the same end, and both work for now', async () => {
    const { cookie, id, response: login } = await auth.logIn();
    const response = await auth.ask('POST', '/v1/session/rotate', { cookie });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ session: expect.objectContaining({ id, current: true }) });
    const [next] = response.headers.getSetCookie();
    expect(next).toMatch(/^__Host-hf=hf1_[A-Za-z0-9_-]{70}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
    const expiresOf = (text = '') => /Expires=[^;]+/.exec(text)?.[0];
    expect(expiresOf(next)).toBe(expiresOf(login.headers.getSetCookie()[0]));
    expect(newCookie(response)).not.toBe(cookie);
    for (const each of [cookie, newCookie(response) ?? '']) expect((await whoami(each)).status).toBe(200);
  });

  test('gives a bearer client its next token, and no cookie', async () => {
    const { token, session } = await logInBearer();
    const response = await auth.ask('POST', '/v1/session/rotate', { bearer: token });
    const rotated = (await response.json()) as { token: string; session: { id: string } };
    expect(rotated.session.id).toBe(session.id);
    expect(rotated.token).not.toBe(token);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect((await auth.ask('GET', '/v1/session', { bearer: rotated.token })).status).toBe(200);
  });

  test('says that the new token stays, to a browser and to a bearer client, while the old one still works', async () => {
    const { cookie } = await auth.logIn();
    const next = newCookie(await auth.ask('POST', '/v1/session/rotate', { cookie })) ?? '';
    const again = await auth.ask('POST', '/v1/session/rotate', { cookie: next });
    expect([again.status, again.headers.getSetCookie()]).toEqual([200, []]);

    const { token } = await logInBearer();
    const rotate = async (bearer: string) =>
      (await (await auth.ask('POST', '/v1/session/rotate', { bearer })).json()) as { token: string };
    const rotated = await rotate(token);
    expect(await rotate(rotated.token)).toMatchObject({ token: rotated.token });
    expect(await rotate(token)).toMatchObject({ token: rotated.token });
  });

  test('gives fifty who ask at once the same cookie', async () => {
    const { cookie } = await auth.logIn();
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => auth.ask('POST', '/v1/session/rotate', { cookie })),
    );
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(new Set(responses.map(newCookie)).size).toBe(1);
  });
});

describe('on its own', () => {
  test('a browser gets the next cookie with whatever it asks auth, once the secret is old enough, in all tabs the same', async () => {
    const { cookie, id } = await auth.logIn('carol');
    expect(newCookie(await whoami(cookie))).toBeUndefined();
    await age(id);
    const responses = await Promise.all([
      ...Array.from({ length: 20 }, () => whoami(cookie)),
      auth.ask('GET', '/v1/sessions', { cookie }),
      auth.ask('GET', '/auth', { cookie }),
      auth.ask('POST', '/v1/token', { cookie, body: { audience: 'orders' } }),
    ]);
    expect(responses.map(({ status }) => status)).toEqual(Array(23).fill(200));
    expect(new Set(responses.map(newCookie)).size).toBe(1);
    const next = newCookie(responses[0] as Response) ?? '';
    expect(next).not.toBe(cookie);

    // The first use of it is written down, and it is not rotated again.
    expect(newCookie(await whoami(next))).toBeUndefined();
    const record = await readRecord(admin, id);
    expect([record?.gen, record?.next]).toEqual([1, undefined]);
    // A tab that was slow is given the new one.
    expect(newCookie(await whoami(cookie))).toBe(next);
  });

  test('a bearer client keeps its token until it asks for another', async () => {
    const { token, session } = await logInBearer();
    await age(session.id);
    const response = await auth.ask('GET', '/v1/session', { bearer: token });
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []]);
    expect((await readRecord(admin, session.id))?.next).toBeUndefined();
    const rotated = (await (await auth.ask('POST', '/v1/session/rotate', { bearer: token })).json()) as {
      token: string;
    };
    await auth.ask('GET', '/v1/session', { bearer: rotated.token });
    expect((await readRecord(admin, session.id))?.gen).toBe(1);
  });

  test('while Redis can’t confirm a change, the request is answered and the cookie stays as it is', async () => {
    const { cookie, id } = await auth.logIn('dave');
    await age(id);
    await admin.config('SET', 'min-replicas-to-write', '1');
    try {
      const response = await whoami(cookie);
      expect([response.status, newCookie(response)]).toEqual([200, undefined]);
      const asked = await auth.ask('POST', '/v1/session/rotate', { cookie });
      expect([asked.status, await codeOf(asked), newCookie(asked)]).toEqual([503, 'not-durable', undefined]);
    } finally {
      await admin.config('SET', 'min-replicas-to-write', '0');
    }
    expect(newCookie(await whoami(cookie))).toBeDefined();
  });

  test('logging out needs no rotation, and leaves nobody in', async () => {
    const { cookie, id } = await auth.logIn('erin');
    await age(id);
    const next = newCookie(await whoami(cookie)) ?? '';
    const response = await auth.ask('DELETE', '/v1/session', { cookie });
    expect(response.headers.getSetCookie()).toEqual([expect.stringContaining('Max-Age=0')]);
    for (const each of [cookie, next]) expect((await whoami(each)).status).toBe(401);
  });
});

test('a copy of a replaced cookie ends the session for everybody, says so to its holders only, and is audited', async () => {
  const { cookie, id } = await auth.logIn('frank');
  const next = newCookie(await auth.ask('POST', '/v1/session/rotate', { cookie })) ?? '';
  expect((await whoami(next)).status).toBe(200);
  await passGrace(admin, id);
  for (const each of [cookie, next, cookie]) {
    const response = await whoami(each);
    expect([response.status, response.headers.get('set-cookie')]).toEqual([401, null]);
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(await codeOf(response)).toBe('session-reused');
  }
  const rotated = await auth.ask('POST', '/v1/session/rotate', { cookie: next });
  expect([rotated.status, await codeOf(rotated)]).toEqual([401, 'session-reused']);
  const audited = auth.logLines().filter(({ audit, reason }) => audit === 'session-revoked' && reason === 'reused');
  expect(audited).toEqual([expect.objectContaining({ userId: 'id-frank', sessionId: id })]);
});
