import { createSessionToken, parseSessionToken } from '@holdfast/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, codeOf, createTestAuth, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { forgeToken } from '../support/forge-token.ts';
import { expireSession, lastSeenOf, passGrace, seenEarlier } from '../support/session-records.ts';

let auth: TestAuth;

beforeAll(async () => {
  auth = await createTestAuth();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
const CREDENTIALS = basic(CLIENT.id, CLIENT.secret);
const FORM = 'application/x-www-form-urlencoded';
/** As another service asks: no cookie, no header of a browser. */
const introspect = (body: string, authorization: string | undefined = CREDENTIALS, type = FORM) => {
  const headers = { 'content-type': type, ...(authorization === '' ? {} : { authorization }) };
  return auth.app.request('/v1/introspect', { method: 'POST', headers, body });
};
const about = (token: string) => introspect(new URLSearchParams({ token }).toString());
async function logIn(username: string) {
  const body = { username, password: PASSWORD, transport: 'bearer' };
  const response = await auth.ask('POST', '/v1/sessions', { body });
  const { token, session } = (await response.json()) as {
    token: string;
    session: { id: string; absoluteExpiresAt: string };
  };
  return { token, session };
}

describe('POST /v1/introspect', () => {
  test('says of a live session whose it is, until when, and how they proved it; never more', async () => {
    const { token, session } = await logIn('alice');
    const response = await about(token);
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const answer = await response.json();
    expect(answer).toEqual({
      active: true,
      token_type: 'Bearer',
      iss: 'https://auth.example',
      sub: 'id-alice',
      sid: session.id,
      iat: expect.any(Number),
      exp: Math.floor(Date.parse(session.absoluteExpiresAt) / 1000),
      auth_time: expect.any(Number),
      amr: ['pwd'],
      roles: ['customer'],
    });
  });

  test('says of everything else nothing but that it is not active, whatever the reason', async () => {
    const ended = await logIn('bob');
    await auth.ask('DELETE', '/v1/session', { bearer: ended.token });
    const { session, token } = await logIn('bob');
    const expired = await logIn('bob');
    await expireSession(auth.redis.admin(), expired.session.id, 1000);
    const tokens = {
      'an ended session': ended.token,
      'an expired session': expired.token,
      'a session that there is not': createSessionToken('nobody').token,
      'a wrong secret': forgeToken(session.id),
      'the id alone': session.id,
      'no token at all': 'x',
      'a token that is cut': token.slice(0, -1),
      'a JWT': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJpZC1hbGljZSJ9.',
    };
    for (const [name, each] of Object.entries(tokens)) {
      const response = await about(each);
      expect([response.status, await response.text()], name).toEqual([200, '{"active":false}']);
    }
  });

  test('knows both tokens of a session that was rotated, and ends it when the old one comes back', async () => {
    const { token, session } = await logIn('carol');
    const rotated = await auth.ask('POST', '/v1/session/rotate', { bearer: token });
    const { token: next } = (await rotated.json()) as { token: string };
    for (const each of [token, next]) expect(await (await about(each)).json()).toMatchObject({ sid: session.id });
    const admin = auth.redis.admin();
    await auth.sessions.noteUse(parseSessionToken(next) ?? { id: '', secretHash: '' });
    await passGrace(admin, session.id);
    for (const each of [token, next]) expect(await (await about(each)).text()).toBe('{"active":false}');
    const told = await auth.ask('GET', '/v1/session', { bearer: next });
    expect([told.status, await codeOf(told)]).toEqual([401, 'session-reused']);
  });

  test('answers only a client that proves who it is, before it looks at the token', async () => {
    const { token } = await logIn('dave');
    const body = new URLSearchParams({ token }).toString();
    const refused = {
      'no credential': '',
      'a wrong secret': basic(CLIENT.id, 'wrong'),
      'a secret that is empty': basic(CLIENT.id, ''),
      'a client that there is not': basic('nobody', CLIENT.secret),
      'the hash in place of the secret': basic(CLIENT.id, 'a'.repeat(64)),
      'an id alone': `Basic ${Buffer.from(CLIENT.id).toString('base64')}`,
      'no base64': 'Basic !!',
      'another scheme': `Bearer ${token}`,
    };
    for (const [name, authorization] of Object.entries(refused)) {
      const response = await introspect(body, authorization);
      expect([response.status, response.headers.get('www-authenticate')], name).toEqual([
        401,
        'Basic realm="holdfast introspection", charset="UTF-8"',
      ]);
      expect(await codeOf(response), name).toBe('invalid-client');
    }
    expect((await introspect('', '')).status).toBe(401);
    expect(auth.logLines()).toContainEqual(expect.objectContaining({ audit: 'client-refused' }));
    // RFC 6749 has clients encode their secret as a form would.
    const encoded = basic(CLIENT.id, encodeURIComponent(CLIENT.secret));
    expect(await (await introspect(body, encoded)).json()).toMatchObject({ active: true });
    expect(auth.logText()).not.toContain(CLIENT.secret);
    expect(auth.logText()).not.toContain(token.slice(30));
  });

  test('takes a form with one token, and nothing else', async () => {
    const { token } = await logIn('erin');
    const bodies: [body: string, type?: string][] = [
      [''],
      ['token='],
      ['access_token=x'],
      [`token=${token}&token=${token}`],
      [`token=${'x'.repeat(5000)}`],
      [JSON.stringify({ token }), 'application/json'],
      [`token=${token}`, 'text/plain'],
    ];
    for (const [body, type] of bodies) {
      const response = await introspect(body, CREDENTIALS, type);
      expect([400, 415, 422], body.slice(0, 40)).toContain(response.status);
      expect(await codeOf(response)).toBe('invalid-request');
    }
    expect((await introspect(`token=${token}&token_type_hint=access_token`)).status).toBe(200);
  });

  test('keeps a session that is used only through it from idling out', async () => {
    const { token, session } = await logIn('frank');
    const admin = auth.redis.admin();
    const longAgo = await seenEarlier(admin, session.id, 120_000);
    expect(await (await about(token)).json()).toMatchObject({ active: true });
    await expect.poll(() => lastSeenOf(admin, session.id)).toBeGreaterThan(longAgo);
  });

  test('is 503 while the store can’t answer, and never says that a token is not active', async () => {
    await using lonely = await createTestAuth({}, { retryBudgetMs: 50 });
    const body = { username: 'alice', password: PASSWORD, transport: 'bearer' };
    const { token } = (await (await lonely.ask('POST', '/v1/sessions', { body })).json()) as { token: string };
    await lonely.redis.killed();
    const headers = { 'content-type': FORM, authorization: CREDENTIALS };
    const response = await lonely.app.request('/v1/introspect', { method: 'POST', headers, body: `token=${token}` });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    const text = await response.text();
    expect(text).toContain('store-unavailable');
    expect(text).not.toContain('active');
  });
});
