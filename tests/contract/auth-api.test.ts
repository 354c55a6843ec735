import { createSessionToken } from '@holdfast/session';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLimiter } from '../../services/auth/src/create-limiter.ts';
import type { LoginLimitConfig } from '../../services/auth/src/login-limits.ts';
import { createTestAuth, PASSWORD, SITE, type TestAuth } from '../support/auth-app.ts';
import { forgeToken } from '../support/forge-token.ts';
import { pollUntil } from '../support/poll-until.ts';

let auth: TestAuth;

beforeAll(async () => {
  auth = await createTestAuth();
});
afterAll(() => auth?.[Symbol.asyncDispose]());

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await response.json()) as { code: string; status: number; requestId: string };
  expect(problem.status).toBe(response.status);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  return problem.code;
}

const limits = (some: Partial<LoginLimitConfig>): LoginLimitConfig => ({
  perAccount: 5,
  perAddress: 1000,
  windowMs: 60_000,
  perDay: 100,
  inARow: 0,
  successesPerMinute: 100,
  ...some,
});

/** A client address of its own, so that tests don't share the counters. */
let lastAddress = 0;
const fromNewAddress = () => ({ 'x-forwarded-for': `203.0.113.${++lastAddress}` });
const guess = (username: string, password: string, headers: Record<string, string> = fromNewAddress()) =>
  auth.ask('POST', '/v1/sessions', { body: { username, password }, headers });

describe('logging in', () => {
  test('sets a cookie that only this site gets, over TLS, out of reach of scripts, for as long as the session can last', async () => {
    const { response } = await auth.logIn();
    const [cookie, device] = response.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-hf=hf1_[A-Za-z0-9_-]{70}; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
    expect(device).toMatch(/^__Host-hf-device=[^;]+; Path=\/; Max-Age=15552000; HttpOnly; Secure; SameSite=Lax$/);
    const { session, token } = (await response.json()) as { session: Record<string, string>; token?: string };
    expect(token).toBeUndefined();
    const expires = Date.parse(/Expires=([^;]+)/.exec(cookie ?? '')?.[1] ?? '');
    expect(Math.abs(expires - Date.parse(session['absoluteExpiresAt'] ?? ''))).toBeLessThan(1000);
  });

  test('gives a bearer client its token once, and no cookie', async () => {
    const body = { username: 'alice', password: PASSWORD, transport: 'bearer' };
    const response = await auth.ask('POST', '/v1/sessions', { body });
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual([]);
    const { session, token } = (await response.json()) as { session: { id: string }; token: string };
    const whoami = await auth.ask('GET', '/v1/session', { bearer: token });
    expect(await whoami.json()).toMatchObject({ session: { id: session.id, userId: 'id-alice', current: true } });
  });

  test('says the same to an unknown user and to a wrong password', async () => {
    const [unknown, wrong] = [await guess('nobody', 'x'), await guess('bob', 'x')];
    expect([unknown.status, wrong.status]).toEqual([401, 401]);
    const [a, b] = [await unknown.json(), await wrong.json()] as Record<string, unknown>[];
    expect({ ...a, requestId: '' }).toEqual({ ...b, requestId: '' });
    expect(a?.['code']).toBe('invalid-credentials');
    const names = (response: Response) => [...response.headers.keys()].sort();
    expect(names(unknown)).toEqual(names(wrong));
    expect(unknown.headers.getSetCookie()).toEqual([]);
  });

  test('does the same work for an unknown user as for a wrong password: both cost the hash', async () => {
    const times = { nobody: [] as number[], carol: [] as number[] };
    for (let round = 0; round < 4; round++) {
      for (const username of ['nobody', 'carol'] as const) {
        // Processor time, which a busy machine does not stretch.
        const before = process.cpuUsage();
        expect((await guess(username, `wrong ${round}`)).status).toBe(401);
        const { user, system } = process.cpuUsage(before);
        times[username].push(user + system);
      }
    }
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
    // Without the decoy the unknown user is answered in a hundredth of the time.
    expect(median(times.nobody) / median(times.carol)).toBeGreaterThan(1 / 3);
    expect(median(times.nobody) / median(times.carol)).toBeLessThan(3);
  });

  test('limits failures by account, whether it exists or not, and says when to come back', async () => {
    for (const username of ['dave', 'no-such-user']) {
      for (let attempt = 0; attempt < 5; attempt++) expect((await guess(username, 'x')).status).toBe(401);
      const limited = await guess(username, PASSWORD);
      expect(limited.status).toBe(429);
      expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await problemOf(limited)).toBe('rate-limited');
    }
  });

  test('lets no burst of guesses through the limit', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => guess('burst', 'x')));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(25);
  });

  test('a stranger’s guesses do not lock out a device that has logged in before', async () => {
    const { response } = await auth.logIn('erin', fromNewAddress());
    const device = (response.headers.getSetCookie()[1] ?? '').split(';')[0] ?? '';
    for (let attempt = 0; attempt < 8; attempt++) await guess('erin', 'x');
    expect((await guess('erin', PASSWORD)).status).toBe(429);
    expect((await guess('erin', PASSWORD, { ...fromNewAddress(), cookie: device })).status).toBe(201);
    expect((await guess('frank', 'x', { ...fromNewAddress(), cookie: device })).status).toBe(401);
    // Not the very last character: it has bits that mean nothing.
    const forged = device.replace(/.(?=.{4}$)/, (one) => (one === 'A' ? 'B' : 'A'));
    expect((await guess('erin', PASSWORD, { ...fromNewAddress(), cookie: forged })).status).toBe(429);
  });

  test('a bearer client presents the device of its last login, and strangers’ guesses do not lock it out', async () => {
    await using own = await createTestAuth({ loginLimits: limits({}) });
    const post = (username: string, password: string, device?: string) =>
      own.ask('POST', '/v1/sessions', { body: { username, password, transport: 'bearer', device } });
    const logIn = (device?: string) => post('carol', PASSWORD, device);
    const { device } = (await (await logIn()).json()) as { device: string };
    expect(device).toMatch(/^[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/);
    for (let attempt = 0; attempt < 5; attempt++) await post('carol', 'x');
    expect((await logIn()).status).toBe(429);
    const again = await logIn(device);
    expect(again.status).toBe(201);
    expect(await again.json()).toMatchObject({ device });
    expect((await logIn(device.replace(/^./, (one) => (one === 'A' ? 'B' : 'A')))).status).toBe(429);
    // Not the device of another account, and not behind two that were made up.
    for (let attempt = 0; attempt < 5; attempt++) await post('bob', 'x');
    expect((await post('bob', PASSWORD, device)).status).toBe(429);
    const forged = `__Host-hf-device=${device.replace(/^./, (one) => (one === 'A' ? 'B' : 'A'))}`;
    for (const [count, status] of [
      [1, 201],
      [2, 429],
    ] as const) {
      const cookie = [...Array(count).fill(forged), `__Host-hf-device=${device}`].join('; ');
      const body = { username: 'carol', password: PASSWORD };
      expect((await own.ask('POST', '/v1/sessions', { body, headers: { cookie } })).status).toBe(status);
    }
  });

  test('no number of devices gets more failures in a day than the account has, of which a quarter is kept for them', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ perAccount: 20, perDay: 24 }) });
    const devices: string[] = [];
    const post = async (password: string, device?: string) =>
      strict.ask('POST', '/v1/sessions', { body: { username: 'bob', password, transport: 'bearer', device } });
    for (let login = 0; login < 4; login++) {
      devices.push(((await (await post(PASSWORD)).json()) as { device: string }).device);
    }
    // One device has a third of their part, so that it does not lock out the others.
    const failuresOf = async (device: string | undefined) => {
      const statuses: number[] = [];
      for (let guess = 0; guess < 14; guess++) statuses.push((await post('x', device)).status);
      return statuses.filter((status) => status === 401).length;
    };
    expect(await failuresOf(devices[0])).toBe(2);
    expect((await post(PASSWORD, devices[0])).status).toBe(429);
    expect((await post(PASSWORD, devices[1])).status).toBe(201);
    expect([await failuresOf(devices[1]), await failuresOf(devices[2]), await failuresOf(devices[3])]).toEqual([
      2, 2, 0,
    ]);
    // The devices have used up their part; it is no stranger who is locked out by that.
    expect(await failuresOf(undefined)).toBe(12);
  });

  test('failures in a row count until a login succeeds or the password changes, and each kind of client has its part', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ perAccount: 20, inARow: 12 }) });
    const post = async (password: string, device?: string, username = 'bob') =>
      strict.ask('POST', '/v1/sessions', { body: { username, password, transport: 'bearer', device } });
    const failuresOf = async (device?: string, username = 'bob') => {
      const statuses: number[] = [];
      for (let guess = 0; guess < 8; guess++) statuses.push((await post('x', device, username)).status);
      return statuses.filter((status) => status === 401).length;
    };
    const { device } = (await (await post(PASSWORD)).json()) as { device: string };
    // Half of them are for strangers, and not even the right password helps one then.
    expect(await failuresOf()).toBe(6);
    const locked = await post(PASSWORD);
    expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, '86400']);
    expect(await locked.json()).toMatchObject({ detail: 'Too many logins. Try again in 24 hours.' });
    expect(strict.logLines().findLast(({ audit }) => audit === 'login-limited')).toMatchObject({
      userId: 'id-bob',
      reason: 'failures-in-a-row',
    });
    // The owner's device gets in, which ends the row for strangers too.
    expect(await failuresOf(device)).toBe(3);
    expect((await post(PASSWORD, device)).status).toBe(429);
    const second = (await (await post(PASSWORD, undefined, 'carol')).json()) as { device: string };
    expect(await failuresOf(undefined, 'carol')).toBe(6);
    expect((await post(PASSWORD, second.device, 'carol')).status).toBe(201);
    expect(await failuresOf(undefined, 'carol')).toBe(6);
    // A name that nobody has is refused in the same words.
    expect(await failuresOf(undefined, 'nobody')).toBe(6);
    const unknown = await post(PASSWORD, undefined, 'nobody');
    // Also some time after the first failure, which would tell where it ends: the same words, the same header.
    expect([unknown.status, unknown.headers.get('retry-after')]).toEqual([429, '86400']);
    // Whoever runs this gives bob a new password.
    await strict.setPassword('bob', 'a new password');
    await pollUntil('the new password', 10_000, async () => (await post('a new password')).status === 201);
  });

  test('a row of failures has no end in Redis for a name that somebody has, and two days for any other', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ inARow: 12 }) });
    const daysOfKeys = async () => {
      const admin = strict.redis.admin();
      const keys = await admin.keys('hf:rl:*');
      const left = await Promise.all(keys.map((key) => admin.pttl(key)));
      return left.map((ms) => Math.round(ms / 86_400_000)).filter((days) => days > 0);
    };
    const body = (username: string) => ({ body: { username, password: 'x' } });
    await strict.ask('POST', '/v1/sessions', body('nobody'));
    expect((await daysOfKeys()).sort()).toEqual([1, 2]);
    await strict.ask('POST', '/v1/sessions', body('bob'));
    expect((await daysOfKeys()).sort()).toEqual([1, 1, 2, 3650]);
  });

  test('failures of others behind the same address lock out neither a known device nor who authenticates again', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ perAddress: 3 }) });
    const headers = { 'x-forwarded-for': '198.51.100.9' };
    const post = (username: string, password: string, device?: string) =>
      strict.ask('POST', '/v1/sessions', { body: { username, password, transport: 'bearer', device }, headers });
    const first = (await (await post('bob', PASSWORD)).json()) as { device: string; token: string };
    for (const stranger of ['a', 'b', 'c']) expect((await post(stranger, 'x')).status).toBe(401);
    expect((await post('bob', PASSWORD)).status).toBe(429);
    expect((await post('bob', PASSWORD, first.device)).status).toBe(201);
    const body = { password: PASSWORD };
    const again = await strict.ask('POST', '/v1/session/reauthenticate', { bearer: first.token, body, headers });
    expect(again.status).toBe(200);
  });

  test('limits how often an account is logged in to in a minute', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ successesPerMinute: 3 }) });
    const post = (username: string, password = PASSWORD) =>
      strict.ask('POST', '/v1/sessions', { body: { username, password }, headers: fromNewAddress() });
    // What fails is no login.
    expect((await post('bob', 'x')).status).toBe(401);
    for (let login = 0; login < 3; login++) expect((await post('bob')).status).toBe(201);
    const limited = await post('bob');
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    // Whoever does not know the password does not learn that the account is in use.
    expect((await post('bob', 'x')).status).toBe(401);
    expect((await post('carol')).status).toBe(201);
  });

  test('whoever waits too long for the password to be looked at is told to come back, and it does not count', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limiter = createLimiter({ concurrency: 1, queueLimit: 100, deadlineMs: 50 });
    await using slow = await createTestAuth({ loginLimits: limits({ perAccount: 1 }) }, {}, { limitHashing: limiter });
    const running = limiter('another network', () => promise);
    const post = (password: string) => slow.ask('POST', '/v1/sessions', { body: { username: 'bob', password } });
    for (let attempt = 0; attempt < 3; attempt++) {
      const late = await post('x');
      expect([late.status, late.headers.get('retry-after')]).toEqual([429, '1']);
    }
    resolve();
    await running;
    expect((await post(PASSWORD)).status).toBe(201);
  });

  test('counts failures only: whoever knows the password is not limited', async () => {
    for (let login = 0; login < 12; login++) expect((await guess('frank', PASSWORD)).status).toBe(201);
  });

  test('limits failures by address, over all accounts', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ perAddress: 3 }) });
    const headers = { 'x-forwarded-for': '198.51.100.9' };
    const attempt = (username: string, from = headers) =>
      strict.ask('POST', '/v1/sessions', { body: { username, password: 'x' }, headers: from });
    for (const username of ['a', 'b', 'c']) expect((await attempt(username)).status).toBe(401);
    expect((await attempt('d')).status).toBe(429);
    expect((await attempt('d', { 'x-forwarded-for': '198.51.100.9, 198.51.100.10' })).status).toBe(401);
  });

  test('limits failures by IPv6 /64, in whatever spelling, and in a wider count by /48', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ perAddress: 2 }) });
    let guesses = 0;
    const attempt = async (address: string) => {
      const username = `nobody-${guesses++}`;
      const headers = { 'x-forwarded-for': address };
      return (await strict.ask('POST', '/v1/sessions', { body: { username, password: 'x' }, headers })).status;
    };
    expect(await attempt('2001:db8:1:1::1')).toBe(401);
    expect(await attempt('2001:DB8:1:1:ffff::2')).toBe(401);
    for (const same of ['2001:db8:1:1::3', '2001:0db8:0001:0001:0:0:0:4', '[2001:db8:1:1:a:b:c:d]:443']) {
      expect(await attempt(same)).toBe(429);
    }
    // Ten times as many for the /48 it is in.
    for (let subnet = 2; guesses < 2 + 3 + 18; subnet++) expect(await attempt(`2001:db8:1:${subnet}::1`)).toBe(401);
    expect(await attempt('2001:db8:1:abcd::1')).toBe(429);
    expect(await attempt('2001:db8:2:1::1')).toBe(401);
    // An IPv4 address is one however it is written.
    expect(await attempt('198.51.100.7')).toBe(401);
    expect(await attempt('::ffff:198.51.100.7')).toBe(401);
    for (const same of ['198.51.100.7', '::FFFF:c633:6407', '0:0:0:0:0:ffff:198.51.100.7']) {
      expect(await attempt(same)).toBe(429);
    }
    expect(await attempt('198.51.100.8')).toBe(401);
  });

  test('counts blanks around a name as the same account', async () => {
    await using strict = await createTestAuth({ loginLimits: limits({ perAccount: 2 }) });
    const attempt = async (username: string) =>
      (await strict.ask('POST', '/v1/sessions', { body: { username, password: 'x' } })).status;
    expect([await attempt('bob'), await attempt(' bob')]).toEqual([401, 401]);
    for (const same of ['bob', 'bob ', '\u00a0bob']) expect(await attempt(same)).toBe(429);
    expect(
      (await strict.ask('POST', '/v1/sessions', { body: { username: ' carol ', password: PASSWORD } })).status,
    ).toBe(201);
  });

  test('ends the session it replaces in the same browser', async () => {
    const first = await auth.logIn('bob');
    const second = await auth.logIn('bob', { cookie: first.cookie });
    const old = await auth.ask('GET', '/v1/session', { cookie: first.cookie });
    expect([old.status, await problemOf(old)]).toEqual([401, 'session-revoked']);
    expect((await auth.ask('GET', '/v1/session', { cookie: second.cookie })).status).toBe(200);
  });
});

describe('the session of a request', () => {
  test('is told to whoever holds it, by cookie or bearer', async () => {
    const { cookie, id } = await auth.logIn();
    for (const credential of [{ cookie }, { bearer: cookie.replace('__Host-hf=', '') }]) {
      const response = await auth.ask('GET', '/v1/session', { ...credential, headers: { 'user-agent': 'ignored' } });
      expect(response.status).toBe(200);
      const { session } = (await response.json()) as { session: Record<string, unknown> };
      expect(session).toMatchObject({ id, userId: 'id-alice', roles: ['customer'], current: true });
      expect(Object.keys(session).sort()).toEqual([
        'absoluteExpiresAt',
        'createdAt',
        'current',
        'device',
        'id',
        'idleExpiresAt',
        'lastSeenAt',
        'roles',
        'userId',
      ]);
    }
  });

  test('logging out ends it, clears the cookie, and can be repeated', async () => {
    const { cookie } = await auth.logIn();
    for (let time = 0; time < 2; time++) {
      const response = await auth.ask('DELETE', '/v1/session', { cookie });
      expect(response.status).toBe(204);
      expect(response.headers.get('set-cookie')).toMatch(
        /^__Host-hf=; Path=\/; Max-Age=0; HttpOnly; Secure; SameSite=Lax$/,
      );
    }
    const after = await auth.ask('GET', '/v1/session', { cookie });
    expect([after.status, await problemOf(after)]).toEqual([401, 'session-revoked']);
    // The reply to an ended session leaves the cookie alone: only logging out clears it.
    expect(after.headers.get('set-cookie')).toBeNull();
  });

  test('can’t be ended by its public id with another secret', async () => {
    const { cookie, id } = await auth.logIn();
    const forged = forgeToken(id);
    expect((await auth.ask('DELETE', '/v1/session', { bearer: forged })).status).toBe(204);
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
    const stranger = await auth.ask('GET', '/v1/session', { bearer: forged });
    expect([stranger.status, await problemOf(stranger)]).toEqual([401, 'session-unknown']);
  });
});

describe('all sessions of a user', () => {
  test('are listed without tokens, revoked one by one, and all but this one', async () => {
    const mine = [await auth.logIn('carol'), await auth.logIn('carol'), await auth.logIn('carol')] as const;
    const [current, second] = mine;
    const { cookie } = current;
    const listed = await auth.ask('GET', '/v1/sessions', { cookie });
    const text = await listed.text();
    const { sessions } = JSON.parse(text) as { sessions: { id: string; current: boolean }[] };
    expect(sessions.map(({ id }) => id)).toEqual(mine.map(({ id }) => id));
    expect(sessions.filter((session) => session.current).map(({ id }) => id)).toEqual([current.id]);
    expect(text).not.toContain('hf1_');

    for (let time = 0; time < 2; time++) {
      expect((await auth.ask('DELETE', `/v1/sessions/${second.id}`, { cookie })).status).toBe(204);
    }
    expect((await auth.ask('GET', '/v1/session', { cookie: second.cookie })).status).toBe(401);
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);

    const rest = await auth.ask('DELETE', '/v1/sessions?except=current', { cookie });
    expect([rest.status, await rest.json()]).toEqual([200, { revoked: 1 }]);
    expect((await auth.ask('GET', '/v1/session', { cookie })).status).toBe(200);
    const everywhere = await auth.ask('DELETE', '/v1/sessions', { cookie });
    expect([everywhere.status, await everywhere.json()]).toEqual([200, { revoked: 1 }]);
    expect(everywhere.headers.get('set-cookie')).toContain('Max-Age=0');
  });

  test('of somebody else are not found, no more than made-up ones', async () => {
    const [mine, theirs] = [await auth.logIn('alice'), await auth.logIn('bob')];
    for (const id of [theirs.id, createSessionToken('nobody').id, 'x', '..%2f..', '%00', 'a'.repeat(5000)]) {
      const response = await auth.ask('DELETE', `/v1/sessions/${id}`, { cookie: mine.cookie });
      expect([response.status, await problemOf(response)]).toEqual([404, 'not-found']);
    }
    expect((await auth.ask('GET', '/v1/session', { cookie: theirs.cookie })).status).toBe(200);
  });
});

describe('requests that another site makes the browser send', () => {
  const unsafe: [string, string, unknown?][] = [
    ['POST', '/v1/sessions', { username: 'alice', password: PASSWORD }],
    ['DELETE', '/v1/session'],
    ['DELETE', '/v1/sessions'],
    ['DELETE', '/v1/sessions?except=current'],
    ['DELETE', '/v1/users/id-alice/sessions'],
    ['POST', '/v1/session/rotate'],
    ['POST', '/v1/session/reauthenticate', { password: PASSWORD }],
    ['POST', '/v1/token', { audience: 'orders' }],
  ];
  test.each(unsafe)('%s %s is refused whatever else the request says', async (method, path, body) => {
    const { cookie, id } = await auth.logIn();
    const headerSets = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: SITE },
      { 'sec-fetch-site': '', origin: 'https://evil.example' },
      { 'sec-fetch-site': '', origin: 'null' },
    ];
    for (const headers of headerSets) {
      for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
        const options = { cookie, headers: { ...headers, 'content-type': type }, ...(body ? { body } : {}) };
        const response = await auth.ask(method, path, options);
        // A body in another type may be refused for that first; it must never be obeyed.
        expect([403, 415]).toContain(response.status);
        if (type === 'application/json') expect(await problemOf(response)).toBe('csrf-rejected');
      }
    }
    const whoami = await auth.ask('GET', '/v1/session', { cookie });
    expect(await whoami.json()).toMatchObject({ session: { id } });
  });

  test('an old browser that only sends Origin is let through from the site itself', async () => {
    const { cookie } = await auth.logIn();
    const request = { method: 'DELETE', headers: { cookie, origin: SITE } };
    expect((await auth.app.request('/v1/session', request)).status).toBe(204);
  });

  test('a bearer token needs no such proof: no browser sends it by itself', async () => {
    const { cookie } = await auth.logIn();
    const headers = { authorization: `Bearer ${cookie.replace('__Host-hf=', '')}`, 'sec-fetch-site': 'cross-site' };
    expect((await auth.app.request('/v1/session', { method: 'DELETE', headers })).status).toBe(204);
  });
});

describe('token exchange', () => {
  test('gives a JWT for a minute that the published keys verify, about this session and nobody else', async () => {
    const { cookie, id } = await auth.logIn();
    const response = await auth.ask('POST', '/v1/token', { cookie, body: { audience: 'orders' } });
    const { token, expiresIn } = (await response.json()) as { token: string; expiresIn: number };
    const keys = (await (await auth.ask('GET', '/.well-known/jwks.json')).json()) as JSONWebKeySet;
    const options = { issuer: 'https://auth.example', audience: 'orders', algorithms: ['EdDSA'] };
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(keys), options);
    expect(payload).toMatchObject({ sub: 'id-alice', sid: id, amr: ['pwd'], auth_time: expect.any(Number) });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    expect(expiresIn).toBe(60);
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', kid: expect.any(String) });
    for (const key of keys.keys) expect(key).not.toHaveProperty('d');
  });

  test('knows only the audiences that are configured', async () => {
    const { cookie } = await auth.logIn();
    for (const audience of ['billing', 'orders ', '']) {
      const response = await auth.ask('POST', '/v1/token', { cookie, body: { audience } });
      expect([response.status, await problemOf(response)]).toEqual([422, 'invalid-request']);
    }
  });
});

test('what happens to sessions is audited with their ids, and no token or password is ever logged', async () => {
  const { cookie, id } = await auth.logIn('bob', fromNewAddress());
  const other = await auth.logIn('bob', fromNewAddress());
  await guess('bob', 'a wrong password');
  await auth.ask('DELETE', `/v1/sessions/${other.id}`, { cookie });
  await auth.ask('POST', '/v1/token', { cookie, body: { audience: 'orders' } });
  await auth.ask('DELETE', '/v1/session', { cookie });
  const events = auth.logLines().filter(({ audit }) => audit !== undefined);
  const about = (event: string) => events.filter(({ audit }) => audit === event);
  expect(about('login-ok')).toContainEqual(
    expect.objectContaining({ userId: 'id-bob', sessionId: id, requestId: expect.any(String) }),
  );
  expect(about('login-failed')).toContainEqual(expect.objectContaining({ userId: 'id-bob' }));
  expect(about('login-limited').length).toBeGreaterThan(0);
  expect(about('session-revoked')).toContainEqual(expect.objectContaining({ sessionId: other.id }));
  expect(about('token-issued')).toContainEqual(expect.objectContaining({ sessionId: id, audience: 'orders' }));
  expect(about('logout')).toContainEqual(expect.objectContaining({ sessionId: id, userId: 'id-bob' }));
  const log = auth.logText();
  expect(log).not.toContain('hf1_');
  expect(log).not.toContain(PASSWORD);
  expect(log).not.toContain('a wrong password');
  expect(log).not.toContain('eyJ');
});

test('the OpenAPI document names every route that there is', async () => {
  const document = (await (await auth.ask('GET', '/openapi.json')).json()) as { paths: Record<string, object> };
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.sort()).toEqual([
    'DELETE /v1/session',
    'DELETE /v1/sessions',
    'DELETE /v1/sessions/{id}',
    'DELETE /v1/users/{id}/sessions',
    'GET /',
    'GET /.well-known/jwks.json',
    'GET /auth',
    'GET /auth/devices',
    'GET /auth/kept-form',
    'GET /auth/sign-in',
    'GET /auth/sign-out',
    'GET /auth/signed-out',
    'GET /v1/session',
    'GET /v1/sessions',
    'GET /v1/users/{id}/sessions',
    'POST /auth/devices',
    'POST /auth/kept-form',
    'POST /auth/sign-in',
    'POST /auth/sign-out',
    'POST /v1/introspect',
    'POST /v1/session/reauthenticate',
    'POST /v1/session/rotate',
    'POST /v1/sessions',
    'POST /v1/token',
  ]);
});
