import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuth, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { pollUntil } from '../support/poll-until.ts';

/** Longer than any answer is waited for, and shorter than until the connection is given up. */
const PAUSE_MS = 10_000;

let auth: TestAuth;
let admin: Redis;
beforeAll(async () => {
  auth = await createTestAuth();
  admin = auth.redis.admin();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

/** Redis answers reads, and carries out no write before this is over: then it does, also what nobody waits for any more. */
async function whileWritesWait<T>(run: () => Promise<T>): Promise<T> {
  await admin.call('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
  try {
    return await run();
  } finally {
    await admin.call('CLIENT', 'UNPAUSE');
  }
}

const untilEnded = (cookie: string) =>
  pollUntil(
    'the session to have ended after all',
    5000,
    async () => (await auth.ask('GET', '/v1/session', { cookie })).status === 401,
  );
const audited = (fields: object) => {
  expect(auth.logLines()).toContainEqual(expect.objectContaining(fields));
};

async function expectUnconfirmed(response: Response): Promise<void> {
  const problem = (await response.json()) as { code: string; detail: string };
  expect([response.status, problem.code]).toEqual([503, 'outcome-unknown']);
  expect(problem.detail).toContain('may or may not');
  expect(problem.detail).not.toContain('othing has changed');
  expect(response.headers.get('retry-after')).toBe('1');
  expect(response.headers.getSetCookie()).toEqual([]);
}

describe('a change that Redis makes after nobody waits for it any more is answered as one that may have been made', () => {
  test('logging out: and the audit has the attempt, and its repetition', async () => {
    const { cookie, id } = await auth.logIn();
    await expectUnconfirmed(await whileWritesWait(() => auth.ask('DELETE', '/v1/session', { cookie })));
    audited({ audit: 'unconfirmed', attempted: 'logout', sessionId: id, code: 'outcome-unknown' });
    await untilEnded(cookie);
    expect((await auth.ask('DELETE', '/v1/session', { cookie })).status).toBe(204);
    audited({ audit: 'logout', sessionId: id, userId: 'id-alice', already: true });
  });

  test('signing out one other device', async () => {
    const [own, other] = [await auth.logIn('bob'), await auth.logIn('bob')];
    const end = () => auth.ask('DELETE', `/v1/sessions/${other.id}`, { cookie: own.cookie });
    await expectUnconfirmed(await whileWritesWait(end));
    audited({ audit: 'unconfirmed', attempted: 'session-revoked', userId: 'id-bob', sessionId: other.id });
    await untilEnded(other.cookie);
    expect((await end()).status).toBe(204);
    audited({ audit: 'session-revoked', userId: 'id-bob', sessionId: other.id, already: true });
  });

  test('signing out everywhere', async () => {
    const [own, other] = [await auth.logIn('carol'), await auth.logIn('carol')];
    const end = () => auth.ask('DELETE', '/v1/sessions?except=current', { cookie: own.cookie });
    await expectUnconfirmed(await whileWritesWait(end));
    audited({ audit: 'unconfirmed', attempted: 'session-revoked', userId: 'id-carol' });
    await untilEnded(other.cookie);
    expect((await end()).status).toBe(200);
    audited({ audit: 'session-revoked', userId: 'id-carol', sessionIds: [], reason: 'signed-out-elsewhere' });
  });

  test('an admin who signs somebody out', async () => {
    const [boss, victim] = [await auth.logIn('admin'), await auth.logIn('dave')];
    const end = () => auth.ask('DELETE', '/v1/users/id-dave/sessions', { cookie: boss.cookie });
    await expectUnconfirmed(await whileWritesWait(end));
    audited({ audit: 'unconfirmed', attempted: 'admin-revoked', userId: 'id-dave', adminId: 'id-admin' });
    await untilEnded(victim.cookie);
  });

  test('rotating: and the token that was sent goes on working', async () => {
    const { cookie, id } = await auth.logIn('erin');
    await expectUnconfirmed(await whileWritesWait(() => auth.ask('POST', '/v1/session/rotate', { cookie })));
    audited({ audit: 'unconfirmed', attempted: 'session-rotated', userId: 'id-erin', sessionId: id });
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
    expect((await auth.ask('POST', '/v1/session/rotate', { cookie })).status).toBe(200);
  });
});

test('what never left for Redis has changed nothing, and is told apart', async () => {
  const { cookie } = await auth.logIn('frank');
  await auth.redis.killed();
  try {
    // The connection's end has to be noticed first.
    await pollUntil('an answer that is certain', 5000, async () => {
      const response = await auth.ask('DELETE', '/v1/session', { cookie });
      const { code } = (await response.json()) as { code: string };
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
      return code === 'store-unavailable';
    });
  } finally {
    await auth.redis.start();
  }
});

describe('the pages', () => {
  const send = (path: string, cookie: string, form: Record<string, string>) =>
    auth.ask('POST', path, { cookie, form: { ...form } });

  test('signing out: nobody is told to be signed in, or out, before that is known', async () => {
    await pollUntil('Redis', 10_000, () => auth.sessions.ping().then(() => true));
    const { cookie } = await auth.logIn('alice');
    const response = await whileWritesWait(() => send('/auth/sign-out', cookie, {}));
    const html = await response.text();
    expect([response.status, response.headers.getSetCookie()]).toEqual([503, []]);
    expect(html).toContain('We couldn’t confirm that you are signed out');
    expect(html).toContain('Try again before you leave this device.');
    expect(html).not.toMatch(/still signed in|nothing of yours is lost|othing has changed/);
    expect(html).toContain('<form method="post" action="/auth/sign-out">');
    await untilEnded(cookie);
    expect((await send('/auth/sign-out', cookie, {})).headers.get('location')).toBe('/auth/signed-out');
  });

  test('signing out one device: the page keeps which, and never again says that it was not done', async () => {
    const [own, other] = [await auth.logIn('bob'), await auth.logIn('bob')];
    const form = { session: other.id, owner: 'id-bob' };
    const unsure = await (await whileWritesWait(() => send('/auth/devices', own.cookie, form))).text();
    expect(unsure).toContain('We couldn’t confirm the sign-out');
    expect(unsure).toContain(`name="session" value="${other.id}"`);
    expect(unsure).toContain('name="unconfirmed" value="yes"');
    await untilEnded(other.cookie);
    await auth.redis.killed();
    try {
      const down = await send('/auth/devices', own.cookie, { ...form, unconfirmed: 'yes' });
      expect(down.status).toBe(503);
      expect(await down.text()).not.toContain('not signed out yet');
      const first = await send('/auth/devices', own.cookie, form);
      const kept = await first.text();
      expect(kept).toContain('The device is not signed out yet');
      expect(kept).toContain(`name="session" value="${other.id}"`);
    } finally {
      await auth.redis.start();
    }
  });
});

describe('a form whose sender’s session has ended', () => {
  test('is kept until its own sender has signed in, is shown to nobody else, and is in no URL', async () => {
    await pollUntil('Redis', 10_000, () => auth.sessions.ping().then(() => true));
    const [ended, other] = [await auth.logIn('carol'), await auth.logIn('carol')];
    await auth.ask('DELETE', '/v1/session', { cookie: ended.cookie });
    const form = { session: other.id, owner: 'id-carol' };
    const sent = await auth.ask('POST', '/auth/devices', { cookie: ended.cookie, form });
    const location = sent.headers.get('location') ?? '';
    expect([sent.status, location]).toEqual([307, '/auth/kept-form?to=%2Fauth%2Fdevices&reason=session-revoked']);
    const kept = await auth.ask('POST', location, { cookie: ended.cookie, form });
    expect([kept.status, kept.headers.get('location')]).toEqual([
      303,
      '/auth/sign-in?return_to=%2Fauth%2Fdevices&reason=session-revoked',
    ]);
    const [set = ''] = kept.headers.getSetCookie();
    expect(set).toMatch(/^__Host-hf-form=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/);
    expect(set).not.toContain(other.id);
    const formCookie = set.split(';')[0] ?? '';

    const signIn = (username: string) =>
      auth.ask('POST', '/auth/sign-in', {
        cookie: formCookie,
        form: { username, password: PASSWORD, return_to: '/auth/devices' },
      });
    const sessionOf = (response: Response) =>
      response.headers
        .getSetCookie()
        .find((cookie) => cookie.startsWith('__Host-hf='))
        ?.split(';')[0];

    const stranger = await signIn('dave');
    const next = stranger.headers.get('location') ?? '';
    expect(next).toBe('/auth/kept-form?return_to=%2Fauth%2Fdevices');
    const refused = await auth.ask('GET', next, { cookie: `${sessionOf(stranger)}; ${formCookie}` });
    expect([refused.status, refused.headers.get('location')]).toEqual([303, '/auth/devices']);
    expect(refused.headers.getSetCookie()).toContainEqual(expect.stringMatching(/^__Host-hf-form=; .*Max-Age=0/));
    expect(await refused.text()).not.toContain(other.id);

    const back = await signIn('carol');
    const own = `${sessionOf(back)}; ${formCookie}`;
    const page = await auth.ask('GET', back.headers.get('location') ?? '', { cookie: own });
    const html = await page.text();
    expect(html).toContain('The device is not signed out yet');
    expect(html).toContain(`name="session" value="${other.id}"`);
    const done = await auth.ask('POST', '/auth/devices', { cookie: own, form });
    expect(done.headers.get('location')).toBe('/auth/devices?done=one');
    expect(done.headers.getSetCookie()).toContainEqual(expect.stringMatching(/^__Host-hf-form=; .*Max-Age=0/));
    await untilEnded(other.cookie);
  });

  test('is not kept for another site, for a path that has no such form, or without a name on it', async () => {
    const keep = (to: string, form: Record<string, string>, site = 'same-origin') =>
      auth.ask('POST', `/auth/kept-form?to=${encodeURIComponent(to)}&reason=x`, {
        form,
        headers: { 'sec-fetch-site': site },
      });
    const order = { sku: 'teapot', quantity: '1', key: crypto.randomUUID(), owner: 'id-alice' };
    for (const site of ['cross-site', 'same-site']) {
      const response = await keep('/orders', order, site);
      expect([response.status, response.headers.getSetCookie()]).toEqual([403, []]);
    }
    for (const to of [
      '//evil.example',
      'https://evil.example/',
      '/auth/sign-out',
      '/nowhere',
      '__proto__',
      'toString',
    ]) {
      const response = await keep(to, order);
      expect([response.status, response.headers.getSetCookie()], to).toEqual([404, []]);
    }
    const { owner: _, ...nobodys } = order;
    expect((await keep('/orders', nobodys)).status).toBe(404);
    expect((await keep('/orders', { ...order, sku: 'x'.repeat(257) })).status).toBe(422);
    expect((await keep('/orders', order)).status).toBe(303);
  });

  test('of somebody else who was signed in when it was opened does nothing', async () => {
    const [own, other] = [await auth.logIn('erin'), await auth.logIn('erin')];
    const form = { session: other.id, owner: 'id-alice' };
    expect((await auth.ask('POST', '/auth/devices', { cookie: own.cookie, form })).status).toBe(403);
    expect((await auth.ask('GET', '/v1/session', { cookie: other.cookie })).status).toBe(200);
  });
});
