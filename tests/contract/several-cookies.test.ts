import { createSessionToken } from '@holdfast/session';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApp as createHonoApp } from '../../docs/adopt/hono.ts';
import { adopters, type Listening, serveHono } from '../support/adopters.ts';
import { codeOf, createTestAuth, newCookie, PASSWORD, type TestAuth } from '../support/auth-app.ts';
import { pollUntil } from '../support/poll-until.ts';
import { expireSession } from '../support/session-records.ts';
import { startSessions, type TestSessions } from '../support/start-sessions.ts';

let auth: TestAuth;
let sessions: TestSessions;
beforeAll(async () => {
  auth = await createTestAuth();
  sessions = await startSessions(auth.redis);
});
afterAll(async () => {
  await sessions?.[Symbol.asyncDispose]();
  await auth?.[Symbol.asyncDispose]();
});

const NAME = '__Host-hf';
const live = async (userId = 'somebody') => (await sessions.create(userId)).token;
const ended = async () => {
  const { token, session } = await sessions.create('somebody');
  await sessions.auth.revoke(session.id, { userId: 'somebody' }, 'logout');
  return token;
};
const expired = async () => {
  const { token, session } = await sessions.create('somebody');
  await expireSession(auth.redis.admin(), session.id, 1000);
  return token;
};
const dead: [name: string, make: () => string | Promise<string>][] = [
  ['unknown', () => createSessionToken('nobody').token],
  ['ended', ended],
  ['expired', expired],
  ['malformed', () => 'hf1_x'],
  ['empty', () => ''],
];
const cookies = (...tokens: string[]) => tokens.map((token) => `${NAME}=${token}`).join('; ');
const outcomeOf = async (token: string) => (await sessions.auth.validate(sessions.parse(token))).outcome;

describe.each(Object.entries(adopters))('a service made with %s', (_, start) => {
  let service: Listening;
  beforeAll(async () => {
    service = await start(sessions.validator);
  });
  afterAll(() => service?.close());
  const ask = async (...tokens: string[]) => {
    const response = await fetch(`${service.url}/hello`, { headers: { cookie: cookies(...tokens) } });
    const body = (await response.json()) as { hello?: string; code?: string };
    return `${response.status} ${body.hello ?? body.code}`;
  };

  test.each(dead)('finds the live session beside one that is %s, whichever comes first', async (_, make) => {
    const [token, other] = [await live('alice'), await make()];
    expect([await ask(token, other), await ask(other, token)]).toEqual(['200 alice', '200 alice']);
  });

  test('tries at most four, and refuses two that are alive, and five', async () => {
    const [first, second] = [await live('alice'), await live('bob')];
    const none = await Promise.all(dead.slice(0, 4).map(([, make]) => make()));
    expect(await ask(...none.slice(0, 3), first)).toBe('200 alice');
    expect(await ask(first, first, first, first, first)).toBe('200 alice');
    expect(await ask(...none, first)).toBe('400 invalid-request');
    expect(await ask(first, second)).toBe('400 invalid-request');
    expect(await ask(first, ...none.slice(0, 2), second)).toBe('400 invalid-request');
  });

  test('says of several dead ones why, and of one that was stolen before all', async () => {
    expect(await ask(await ended(), await expired())).toBe('401 session-revoked');
    expect(await ask('x', 'y')).toBe('401 session-malformed');
    const { old, successor } = await sessions.stolen();
    expect(await ask(await ended(), old)).toBe('401 session-reused');
    expect(await outcomeOf(successor)).toBe('reused');
  });

  test('ends the session of a replaced token that came beside a live one, and goes on with the live one', async () => {
    const { old, successor } = await sessions.stolen();
    expect(await ask(old, await live('alice'))).toBe('200 alice');
    expect(await outcomeOf(successor)).toBe('reused');
  });

  test('refuses a replaced token together with its own successor: the session has ended', async () => {
    for (const reversed of [false, true]) {
      const { old, successor } = await sessions.stolen();
      expect(await ask(...(reversed ? [successor, old] : [old, successor]))).toBe('401 session-reused');
      expect(await ask(successor)).toBe('401 session-reused');
    }
  });
});

test('a service that has one of two live sessions in its local cache does not take it for the only one', async () => {
  const cached = sessions.openCached();
  const service = await serveHono(createHonoApp(cached));
  try {
    const ask = async (...tokens: string[]) => {
      const response = await fetch(`${service.url}/hello`, { headers: { cookie: cookies(...tokens) } });
      return response.status;
    };
    const [first, second, none] = [await live('alice'), await live('bob'), await ended()];
    await pollUntil('the session to be answered from memory', 10_000, async () => {
      await ask(first);
      return cached.recall(first) !== undefined;
    });
    expect([await ask(first, second), await ask(first, none), await ask(none, first)]).toEqual([400, 200, 200]);
  } finally {
    await service.close();
    await cached.close();
  }
});

test('while the store can’t tell which of two is alive the answer is 503, and nobody is signed out', async () => {
  await using own = await createTestAuth({}, { retryBudgetMs: 50 });
  await using stores = await startSessions(own.redis);
  const service = await serveHono(createHonoApp(stores.validator));
  const { cookie } = await own.logIn();
  const both = `${NAME}=${createSessionToken('nobody').token}; ${cookie}`;
  await own.redis.killed();
  const answers = [
    await fetch(`${service.url}/hello`, { headers: { cookie: both } }),
    await own.ask('GET', '/v1/session', { cookie: both }),
    await own.ask('DELETE', '/v1/session', { cookie: both }),
    await own.ask('POST', '/auth/sign-out', { cookie: both, form: {} }),
    await own.ask('GET', '/auth/sign-in', { cookie: both }),
  ];
  expect(answers.map(({ status, headers }) => [status, newCookie({ headers } as Response)])).toEqual(
    Array(5).fill([503, undefined]),
  );
  await service.close();
});

describe('auth', () => {
  const withDead = async (cookie: string) => `${NAME}=${await ended()}; ${cookie}`;
  const statusOf = async (cookie: string) => (await auth.ask('GET', '/v1/session', { cookie })).status;

  test('knows who is signed in, and rotates, re-authenticates and lists with the live one', async () => {
    const { cookie, id } = await auth.logIn('alice');
    const whoami = await auth.ask('GET', '/v1/session', { cookie: await withDead(cookie) });
    expect([whoami.status, ((await whoami.json()) as { session: { id: string } }).session.id]).toEqual([200, id]);
    const rotated = await auth.ask('POST', '/v1/session/rotate', { cookie: await withDead(cookie) });
    const next = newCookie(rotated) ?? '';
    expect([rotated.status, await statusOf(next)]).toEqual([200, 200]);
    const body = { password: PASSWORD };
    const again = await auth.ask('POST', '/v1/session/reauthenticate', { cookie: await withDead(next), body });
    expect([again.status, await statusOf(newCookie(again) ?? '')]).toEqual([200, 200]);
    const current = newCookie(again) ?? '';
    const gone = await auth.ask('DELETE', `/v1/sessions/${id}`, { cookie: await withDead(current) });
    expect([gone.status, gone.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
    expect(await statusOf(current)).toBe(401);
  });

  test.each([
    ['DELETE', '/v1/session', 204],
    ['POST', '/auth/sign-out', 303],
  ] as const)('%s %s ends the live one, and clears the cookie', async (method, path, status) => {
    for (const [name, make] of dead) {
      const { cookie } = await auth.logIn('alice');
      const both = `${NAME}=${await make()}; ${cookie}`;
      const response = await auth.ask(method, path, { cookie: both, ...(method === 'POST' && { form: {} }) });
      expect([response.status, response.headers.get('set-cookie')], name).toEqual([
        status,
        expect.stringContaining('Max-Age=0'),
      ]);
      expect(await statusOf(cookie), name).toBe(401);
    }
  });

  test('signs nobody out where two are alive, or five are sent', async () => {
    const [{ cookie }, { cookie: other }] = [await auth.logIn('alice'), await auth.logIn('bob')];
    const five = [cookie, ...['a', 'b', 'c', 'd'].map((value) => `${NAME}=${value}`)].join('; ');
    for (const both of [`${cookie}; ${other}`, five]) {
      const response = await auth.ask('DELETE', '/v1/session', { cookie: both });
      expect([response.status, await codeOf(response), response.headers.get('set-cookie')]).toEqual([
        400,
        'invalid-request',
        null,
      ]);
    }
    expect([await statusOf(cookie), await statusOf(other)]).toEqual([200, 200]);
  });

  test('shows the form to sign in where none is alive, and leads on where one is', async () => {
    const none = `${NAME}=${await ended()}; ${NAME}=${await expired()}`;
    expect((await auth.ask('GET', '/auth/sign-in', { cookie: none })).status).toBe(200);
    const { cookie } = await auth.logIn('alice');
    expect((await auth.ask('GET', '/auth/sign-in', { cookie: await withDead(cookie) })).status).toBe(303);
    const form = { username: 'alice', password: PASSWORD };
    const signedIn = await auth.ask('POST', '/auth/sign-in', { cookie: none, form });
    expect([signedIn.status, await statusOf(newCookie(signedIn) ?? '')]).toEqual([303, 200]);
  });

  test('a login replaces the live one, also where the dead one comes first and no session more is allowed', async () => {
    await using strict = await createTestAuth({}, { maxPerUser: 1, maxPerUserAction: 'deny-new' });
    const { cookie } = await strict.logIn('alice');
    const both = `${NAME}=${createSessionToken('nobody').token}; ${cookie}`;
    const { cookie: next } = await strict.logIn('alice', { cookie: both });
    const status = async (sent: string) => (await strict.ask('GET', '/v1/session', { cookie: sent })).status;
    expect([await status(cookie), await status(next)]).toEqual([401, 200]);
  });

  test('a login ends every session the browser had, and five cookies are refused before the password is looked at', async () => {
    const [{ cookie }, { cookie: other }] = [await auth.logIn('alice'), await auth.logIn('bob')];
    const { cookie: next } = await auth.logIn('carol', { cookie: `${cookie}; ${other}` });
    expect([await statusOf(cookie), await statusOf(other), await statusOf(next)]).toEqual([401, 401, 200]);
    const five = ['a', 'b', 'c', 'd', 'e'].map((value) => `${NAME}=${value}`).join('; ');
    const body = { username: 'carol', password: 'wrong' };
    const response = await auth.ask('POST', '/v1/sessions', { body, headers: { cookie: five } });
    expect([response.status, await codeOf(response)]).toEqual([400, 'invalid-request']);
  });
});
