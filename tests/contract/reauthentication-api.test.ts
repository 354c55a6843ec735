import { requireSession } from '@holdfast/session';
import { Hono } from 'hono';
import type { Redis } from 'ioredis';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeOf, createTestAuth, newCookie, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { editRecord } from '../support/session-records.ts';
import { startSessions } from '../support/start-sessions.ts';

const HOUR_MS = 3_600_000;
const CHALLENGE =
  'Bearer error="insufficient_user_authentication", error_description="A more recent authentication is required", max_age="900"';

let auth: TestAuth;
let admin: Redis;

beforeAll(async () => {
  auth = await createTestAuth();
  admin = auth.redis.admin();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

const reauthenticate = (cookie: string, password = PASSWORD, headers: Record<string, string> = {}) =>
  auth.ask('POST', '/v1/session/reauthenticate', { cookie, body: { password }, headers });
/** A login of an hour ago. */
async function logInLongAgo(username: string) {
  const login = await auth.logIn(username);
  await editRecord(admin, login.id, ({ facts }) => {
    const [roles, , sinceCreatedMs] = JSON.parse(`[${facts}]`) as [string[], string[], number];
    return { facts: `${JSON.stringify(roles)},["mfa"],${sinceCreatedMs - HOUR_MS}` };
  });
  return login;
}
const jwtOf = async (cookie: string) => {
  const response = await auth.ask('POST', '/v1/token', { cookie, body: { audience: 'orders' } });
  return decodeJwt(((await response.json()) as { token: string }).token);
};

describe('POST /v1/session/reauthenticate', () => {
  test('makes the same session newly authenticated, with a new cookie', async () => {
    const { cookie, id } = await logInLongAgo('alice');
    const before = await jwtOf(cookie);
    const response = await reauthenticate(cookie);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      session: expect.objectContaining({ id, userId: 'id-alice', current: true }),
    });
    const after = await jwtOf(newCookie(response) ?? '');
    expect(after).toMatchObject({ sid: id, amr: ['pwd'] });
    expect(Number(after['auth_time']) - Number(before['auth_time'])).toBeGreaterThanOrEqual(HOUR_MS / 1000);
    expect(auth.logLines()).toContainEqual(
      expect.objectContaining({ audit: 'reauthenticated', userId: 'id-alice', sessionId: id }),
    );
  });

  test('gives a bearer client its new token, and no cookie', async () => {
    const body = { username: 'bob', password: PASSWORD, transport: 'bearer' };
    const { token } = (await (await auth.ask('POST', '/v1/sessions', { body })).json()) as { token: string };
    const response = await auth.ask('POST', '/v1/session/reauthenticate', {
      bearer: token,
      body: { password: PASSWORD },
    });
    const again = (await response.json()) as { token: string };
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, []]);
    expect((await auth.ask('GET', '/v1/session', { bearer: again.token })).status).toBe(200);
  });

  test('gives several tabs at once the same cookie, which is not the one that an old token leads to', async () => {
    const { cookie } = await logInLongAgo('carol');
    const rotated = newCookie(await auth.ask('POST', '/v1/session/rotate', { cookie })) ?? '';
    const responses = await Promise.all(Array.from({ length: 4 }, () => reauthenticate(cookie)));
    const cookies = new Set(responses.map(newCookie));
    expect(cookies.size).toBe(1);
    expect(cookies).not.toContain(rotated);
    // Whoever has a copy of the old cookie is no more authenticated than before, whatever it is exchanged for.
    for (const each of [cookie, rotated]) expect(await jwtOf(each)).toMatchObject({ amr: ['mfa'] });
    expect(newCookie(await auth.ask('POST', '/v1/session/rotate', { cookie }))).toBeUndefined();
  });

  test('refuses a wrong password as a login does, within the same limits, and leaves the session as it is', async () => {
    const { cookie } = await auth.logIn('dave');
    for (let attempt = 0; attempt < 5; attempt++) {
      const refused = await reauthenticate(cookie, 'wrong');
      expect([refused.status, await codeOf(refused), newCookie(refused)]).toEqual([
        401,
        'invalid-credentials',
        undefined,
      ]);
    }
    const limited = await reauthenticate(cookie);
    expect([limited.status, await codeOf(limited)]).toEqual([429, 'rate-limited']);
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
    // What is guessed in one session does not lock out the login, nor the user's other sessions.
    const other = await auth.logIn('dave');
    expect((await reauthenticate(other.cookie)).status).toBe(200);
  });

  test('is not kept from the holder of a session by a stranger who guesses', async () => {
    const { cookie } = await auth.logIn('erin');
    for (let attempt = 0; attempt < 6; attempt++) {
      await auth.ask('POST', '/v1/sessions', { body: { username: 'erin', password: 'x' } });
    }
    expect((await auth.ask('POST', '/v1/sessions', { body: { username: 'erin', password: PASSWORD } })).status).toBe(
      429,
    );
    expect((await reauthenticate(cookie)).status).toBe(200);
  });

  test('knows no password of a user who is not in the users file, and works as hard to say so', async () => {
    const input = { userId: 'id-of-elsewhere', roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } };
    const { token } = await auth.sessions.create(input);
    const startedAt = performance.now();
    const refused = await auth.ask('POST', '/v1/session/reauthenticate', {
      bearer: token,
      body: { password: PASSWORD },
    });
    const unknownMs = performance.now() - startedAt;
    expect([refused.status, await codeOf(refused)]).toEqual([401, 'invalid-credentials']);
    // A refusal without the hash takes a tenth of this.
    expect(unknownMs).toBeGreaterThan(10);
  });
});

describe('what asks for a recent authentication', () => {
  test('an admin’s ending of others’ sessions answers an older login with RFC 9470’s challenge, and a new one with success', async () => {
    const [{ cookie }, { cookie: other }] = [await logInLongAgo('admin'), await auth.logIn('frank')];
    const end = (each: string) => auth.ask('DELETE', '/v1/users/id-frank/sessions', { cookie: each });
    const refused = await end(cookie);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, CHALLENGE]);
    expect([await codeOf(refused), refused.headers.get('set-cookie')]).toEqual(['reauthentication-required', null]);
    expect((await auth.ask('GET', '/v1/session', { cookie: other })).status).toBe(200);
    // Looking is not ending.
    expect((await auth.ask('GET', '/v1/users/id-frank/sessions', { cookie })).status).toBe(200);
    const fresh = newCookie(await reauthenticate(cookie)) ?? '';
    expect((await end(cookie)).status, 'the old cookie').toBe(401);
    expect(await (await end(fresh)).json()).toEqual({ revoked: 1 });
  });

  test('is asked of nobody where that is switched off', async () => {
    await using lenient = await createTestAuth({ adminMaxAuthAgeMs: 0 });
    const { cookie, id } = await lenient.logIn('admin');
    await editRecord(lenient.redis.admin(), id, ({ created }) => ({ facts: `["admin"],["pwd"],${1 - created}` }));
    expect((await lenient.ask('DELETE', '/v1/users/id-bob/sessions', { cookie })).status).toBe(200);
  });

  test('a service that only validates asks for it too, and takes the new cookie', async () => {
    await using stores = await startSessions(auth.redis);
    const sessions = stores.validator;
    const app = new Hono().get('/', requireSession({ sessions, trustedOrigins: [], maxAuthAgeMs: 900_000 }), (c) =>
      c.text(c.get('session').userId),
    );
    const { cookie } = await logInLongAgo('bob');
    const refused = await app.request('/', { headers: { cookie } });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, CHALLENGE]);
    const fresh = newCookie(await reauthenticate(cookie)) ?? '';
    expect((await app.request('/', { headers: { cookie: fresh } })).status).toBe(200);
    expect((await app.request('/', { headers: { cookie } })).status).toBe(401);
  });
});
