import { SessionStore } from '@holdfast/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuth, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { forgeToken } from '../support/forge-token.ts';
import { pollUntil } from '../support/poll-until.ts';

const idsOf = async (auth: TestAuth, username: string) =>
  (await auth.sessions.list(`id-${username}`)).map(({ id }) => id);
const statusOf = async (auth: TestAuth, cookie: string) => (await auth.ask('GET', '/v1/session', { cookie })).status;

describe('where the oldest session has to go', () => {
  let auth: TestAuth;
  beforeAll(async () => {
    auth = await createTestAuth({}, { maxPerUser: 3 });
  });
  afterAll(() => auth?.[Symbol.asyncDispose]());

  test('a login beyond the limit ends the oldest, which is told so, and that is audited', async () => {
    const logins = [];
    for (let login = 0; login < 4; login++) logins.push(await auth.logIn('alice'));
    const [oldest, ...kept] = logins.map(({ id }) => id);
    expect(await idsOf(auth, 'alice')).toEqual(kept);
    const ended = await auth.ask('GET', '/v1/session', { cookie: logins[0]?.cookie ?? '' });
    expect(await ended.json()).toMatchObject({
      code: 'session-revoked',
      detail: expect.stringContaining('session-limit'),
    });
    expect(auth.logLines()).toContainEqual(
      expect.objectContaining({ audit: 'session-revoked', sessionIds: [oldest], reason: 'session-limit' }),
    );
  });

  test('a crowd of logins at once leaves the limit, and nobody else’s session is touched', async () => {
    const { cookie } = await auth.logIn('bob');
    const create = () =>
      auth.sessions.create({ userId: 'id-crowd', roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } });
    await Promise.all(Array.from({ length: 40 }, create));
    expect(await idsOf(auth, 'crowd')).toHaveLength(3);
    expect(await statusOf(auth, cookie)).toBe(200);
  });

  test('logging in again in the same browser ends that browser’s session and no other', async () => {
    const logins = [await auth.logIn('carol'), await auth.logIn('carol'), await auth.logIn('carol')] as const;
    const again = await auth.logIn('carol', { cookie: logins[2].cookie });
    expect(await idsOf(auth, 'carol')).toEqual([logins[0].id, logins[1].id, again.id]);
  });
});

test('a login that is not confirmed ends no session to make room', async () => {
  await using auth = await createTestAuth({}, { maxPerUser: 1 });
  const { cookie, id } = await auth.logIn('alice');
  // No replica is there to confirm.
  await using stack = new AsyncDisposableStack();
  const unconfirmed = new SessionStore({
    redis: auth.redis.configFor('auth'),
    role: 'auth',
    idleTimeoutMs: 60_000,
    absoluteTimeoutMs: 60_000,
    waitReplicas: 1,
    waitTimeoutMs: 20,
    retryBudgetMs: 200,
    maxPerUser: 1,
  });
  stack.defer(() => unconfirmed.close());
  unconfirmed.connect();
  const input = { userId: 'id-alice', roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } };
  await expect(unconfirmed.create(input)).rejects.toMatchObject({ code: 'not-durable' });
  expect(await statusOf(auth, cookie)).toBe(200);
  await pollUntil('the end of what nobody holds', 5000, async () => (await idsOf(auth, 'alice')).join() === id);
});

describe('where one session too many is refused', () => {
  let auth: TestAuth;
  beforeAll(async () => {
    auth = await createTestAuth({}, { maxPerUser: 2, maxPerUserAction: 'deny-new' });
  });
  afterAll(() => auth?.[Symbol.asyncDispose]());
  const attempt = (username: string, headers: Record<string, string> = {}, password = PASSWORD) =>
    auth.ask('POST', '/v1/sessions', { body: { username, password }, headers });

  test('the login is 409 session-limit, ends nothing, and is possible again after a logout', async () => {
    const [first] = [await auth.logIn('alice'), await auth.logIn('alice')];
    const refused = await attempt('alice');
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, 'session-limit']);
    expect(refused.headers.get('set-cookie')).toBeNull();
    expect(await idsOf(auth, 'alice')).toHaveLength(2);
    await auth.ask('DELETE', '/v1/session', { cookie: first.cookie });
    expect((await attempt('alice')).status).toBe(201);
  });

  test('only who knows the password learns of it', async () => {
    await auth.logIn('bob');
    await auth.logIn('bob');
    const wrong = await attempt('bob', {}, 'wrong');
    expect(await wrong.json()).toMatchObject({ code: 'invalid-credentials' });
  });

  test('a browser that holds a live session of that user replaces it, and is not refused', async () => {
    const logins = [await auth.logIn('carol'), await auth.logIn('carol')] as const;
    const again = await auth.logIn('carol', { cookie: logins[1].cookie });
    expect(await idsOf(auth, 'carol')).toEqual([logins[0].id, again.id]);
  });

  test('neither somebody else’s session nor a made-up secret makes room', async () => {
    const stranger = await auth.logIn('erin');
    const [own] = [await auth.logIn('dave'), await auth.logIn('dave')];
    const forged = forgeToken(own.id);
    for (const cookie of [stranger.cookie, `__Host-hf=${forged}`]) {
      expect((await attempt('dave', { cookie })).status).toBe(409);
    }
    expect(await idsOf(auth, 'dave')).toHaveLength(2);
  });

  test('of a crowd of logins exactly as many get in as are allowed', async () => {
    const create = () =>
      auth.sessions.create({ userId: 'id-crowd', roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } });
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, create));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'session-limit', status: 409 });
    }
    expect(await idsOf(auth, 'crowd')).toHaveLength(2);
  });
});
