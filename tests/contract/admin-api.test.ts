import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuth, type TestAuth } from '../support/auth-app.ts';

let auth: TestAuth;

beforeAll(async () => {
  auth = await createTestAuth();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

const audited = (event: string) => auth.logLines().filter(({ audit }) => audit === event);

describe('an admin', () => {
  test('sees the live sessions of a user, without a token, and that is audited', async () => {
    const [admin, first, second] = [await auth.logIn('admin'), await auth.logIn('bob'), await auth.logIn('bob')];
    const response = await auth.ask('GET', '/v1/users/id-bob/sessions', { cookie: admin.cookie });
    expect(response.status).toBe(200);
    const text = await response.text();
    const { sessions } = JSON.parse(text) as { sessions: { id: string; userId: string; current: boolean }[] };
    expect(sessions.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(sessions.every(({ userId, current }) => userId === 'id-bob' && !current)).toBe(true);
    expect(text).not.toContain('hf1_');
    expect(audited('admin-listed')).toContainEqual(
      expect.objectContaining({ userId: 'id-bob', adminId: 'id-admin', requestId: expect.any(String) }),
    );
  });

  test('ends all sessions of a user and nobody else’s; whoever held one is told that it was ended', async () => {
    const admin = await auth.logIn('admin');
    const [stranger, first, second] = [await auth.logIn('dave'), await auth.logIn('carol'), await auth.logIn('carol')];
    const response = await auth.ask('DELETE', '/v1/users/id-carol/sessions', { cookie: admin.cookie });
    expect([response.status, await response.json()]).toEqual([200, { revoked: 2 }]);
    expect(response.headers.get('set-cookie')).toBeNull();
    for (const { cookie } of [first, second]) {
      const ended = await auth.ask('GET', '/v1/session', { cookie });
      expect([ended.status, ((await ended.json()) as { code: string }).code]).toEqual([401, 'session-revoked']);
    }
    for (const { cookie } of [stranger, admin]) {
      expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
    }
    expect(audited('admin-revoked')).toContainEqual(
      expect.objectContaining({ userId: 'id-carol', adminId: 'id-admin', sessionIds: [first.id, second.id] }),
    );
    const again = await auth.ask('DELETE', '/v1/users/id-carol/sessions', { cookie: admin.cookie });
    expect(await again.json()).toEqual({ revoked: 0 });
  });

  test('can’t tell a user without sessions from none, and an id that can be no user’s is not found', async () => {
    const { cookie } = await auth.logIn('admin');
    for (const id of ['id-frank', 'id-nobody']) {
      const listed = await auth.ask('GET', `/v1/users/${id}/sessions`, { cookie });
      expect([listed.status, await listed.json()]).toEqual([200, { sessions: [] }]);
      const ended = await auth.ask('DELETE', `/v1/users/${id}/sessions`, { cookie });
      expect([ended.status, await ended.json()]).toEqual([200, { revoked: 0 }]);
    }
    for (const id of ['%00', '%20', 'a%0ab', 'a'.repeat(257), '%C3%A9']) {
      for (const method of ['GET', 'DELETE']) {
        expect((await auth.ask(method, `/v1/users/${id}/sessions`, { cookie })).status, `${method} ${id}`).toBe(404);
      }
    }
  });

  test('who ends the own sessions has no cookie left', async () => {
    const { cookie } = await auth.logIn('admin');
    const response = await auth.ask('DELETE', '/v1/users/id-admin/sessions', { cookie });
    expect(response.headers.get('set-cookie')).toContain('Max-Age=0');
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(401);
  });
});

test('whoever is no admin is refused, for the own sessions and for those of others, and that is audited', async () => {
  const [{ cookie }, other] = [await auth.logIn('erin'), await auth.logIn('alice')];
  for (const id of ['id-erin', 'id-alice', 'id-nobody']) {
    for (const method of ['GET', 'DELETE']) {
      const response = await auth.ask(method, `/v1/users/${id}/sessions`, { cookie });
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: 'forbidden' });
    }
  }
  expect((await auth.ask('GET', '/v1/session', { cookie: other.cookie })).status).toBe(200);
  expect(audited('admin-refused')).toContainEqual(expect.objectContaining({ adminId: 'id-erin' }));
});
