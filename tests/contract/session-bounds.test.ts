import { SessionStore } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuth, type TestAuth } from '../support/auth-app.ts';
import { pollUntil } from '../support/poll-until.ts';
import { seedSessions } from '../support/seed-sessions.ts';

const MANY = 20_000;
/** What one call may read and end: the library's constants, and the few more that HSCAN may return. */
const READ = 350;
const ENDED = 100;

describe('what one call makes Redis do is bounded', () => {
  let auth: TestAuth;
  let admin: Redis;
  beforeAll(async () => {
    auth = await createTestAuth();
    admin = auth.redis.admin();
  });
  afterAll(() => auth?.[Symbol.asyncDispose]());

  /** The commands of the costliest call that `run` makes, by MONITOR, which shows those of functions one by one. */
  const costliestCall = async (run: () => Promise<unknown>) => {
    const monitor = await admin.monitor();
    const calls: Record<string, number>[] = [];
    monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
      if (source === 'lua') {
        const call = calls.at(-1);
        if (call) call[name.toLowerCase()] = (call[name.toLowerCase()] ?? 0) + 1;
      } else if (/^fcall/i.test(name)) calls.push({});
    });
    try {
      await run();
      const marked = new Promise<void>((resolve) => {
        monitor.on('monitor', (_time: string, args: string[]) => args[1] === 'end of the calls' && resolve());
      });
      await admin.echo('end of the calls');
      await marked;
    } finally {
      monitor.disconnect();
    }
    const most = (name: string) => Math.max(0, ...calls.map((call) => call[name] ?? 0));
    return { calls: calls.length, hget: most('hget'), ended: most('hset'), hgetall: most('hgetall') };
  };
  const logInAs = (userId: string) =>
    auth.sessions.create({ userId, roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } });

  test('a user with 20,000 sessions from before there was a limit is listed, signs in and comes down to the limit', async () => {
    const { s } = await seedSessions(admin, 'id-alice', MANY);
    const listed = await costliestCall(async () => {
      const page = await auth.sessions.listPage('id-alice', { limit: 50, first: 'newest' });
      expect(page.total).toBe(MANY);
      expect(page.sessions.map(({ id }) => Number(id.slice(9, -1)))).toEqual(
        Array.from({ length: 50 }, (_, place) => MANY - place),
      );
    });
    expect(listed).toMatchObject({ hgetall: 0, ended: 0 });
    expect(listed.hget).toBeLessThan(READ);

    const newest: string[] = [];
    const loggedIn = await costliestCall(async () => newest.push((await logInAs('id-alice')).session.id));
    expect(loggedIn.calls).toBeLessThan(15);
    expect(loggedIn.hget).toBeLessThan(READ);
    expect(loggedIn.ended).toBeLessThanOrEqual(ENDED + 2);
    await pollUntil('the limit', 60_000, async () => {
      newest.push((await logInAs('id-alice')).session.id);
      return (await admin.hlen(s)) <= 100;
    });
    // The newest of all are left, none of them by chance.
    const left = (await auth.sessions.list('id-alice')).map(({ id }) => id);
    const seeded = 100 - Math.min(100, newest.length);
    expect(left.slice(seeded)).toEqual(newest.slice(-100));
    expect(left.slice(0, seeded).map((id) => Number(id.slice(9, -1)))).toEqual(
      Array.from({ length: seeded }, (_, place) => MANY - seeded + 1 + place),
    );
  }, 120_000);

  test('ending 20,000 sessions takes steps that are short each, and ends all of them', async () => {
    const { s } = await seedSessions(admin, 'id-bob', MANY);
    const cost = await costliestCall(async () => {
      expect(await auth.sessions.revokeUser('id-bob', 'ended-by-admin')).toHaveLength(MANY);
    });
    expect(await admin.exists(s)).toBe(0);
    expect(cost.hget).toBeLessThan(READ);
    expect(cost.ended).toBeLessThanOrEqual(ENDED);
    expect(await auth.sessions.revokeUser('id-bob', 'ended-by-admin')).toEqual([]);
  }, 120_000);

  test('a user with 20,000 sessions that have idled out can sign in, and they go little by little', async () => {
    const { s } = await seedSessions(admin, 'id-carol', MANY, 'idle');
    const cost = await costliestCall(() => logInAs('id-carol'));
    expect(cost.hget).toBeLessThan(READ);
    expect(cost.ended).toBeLessThanOrEqual(ENDED + 2);
    expect(await admin.hlen(s)).toBeLessThan(MANY - 500);
    expect((await auth.sessions.list('id-carol')).length).toBe(1);
  }, 60_000);

  test('junk that a validator writes beside them makes no call cost more', async () => {
    const { session } = await logInAs('id-dave');
    const part = session.id.slice(0, 9);
    for (let done = 0; done < 50_000; done += 10_000) {
      await admin.hset(
        `hf:t:${part}`,
        Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${done + i}`, 'x'])),
      );
    }
    const cost = await costliestCall(async () => {
      expect(await auth.sessions.list('id-dave')).toHaveLength(1);
      await logInAs('id-dave');
      await auth.sessions.revokeUser('id-dave', 'ended-by-admin');
    });
    expect(cost).toMatchObject({ calls: 3, hgetall: 1 });
    expect(cost.hget).toBeLessThan(10);
  });

  test('the sessions of one session at the provider end in steps', async () => {
    const link = 'L'.repeat(43);
    const users = Array.from({ length: 250 }, (_, index) => `linked-${index}`);
    const create = (userId: string) =>
      auth.sessions.create({ userId, roles: [], amr: [], device: { userAgent: '', ip: '' }, link });
    await Promise.all(users.map(create));
    const one = await auth.sessions.revokeLinked(link, 'ended-by-provider', { userId: 'linked-249' });
    expect(one.map(({ userId }) => userId)).toEqual(['linked-249']);
    const cost = await costliestCall(async () => {
      const ended = await auth.sessions.revokeLinked(link, 'ended-by-provider', { final: true });
      expect(ended).toHaveLength(249);
    });
    expect(cost.ended).toBeLessThanOrEqual(ENDED);
  });

  test('counting reads no more, however many sessions the users have', async () => {
    // Among few keys all are looked at.
    await admin.flushdb();
    for (let user = 0; user < 20; user++) await seedSessions(admin, `counted-${user}`, 90);
    const cost = await costliestCall(() => auth.sessions.count());
    expect(cost.hget).toBeGreaterThan(90);
    expect(cost.hget).toBeLessThan(READ);
  });
});

test('a user has 100 sessions where nothing else is said, and a limit above 200 or none is refused', async () => {
  await using auth = await createTestAuth();
  const device = { userAgent: '', ip: '' };
  for (let login = 0; login < 103; login++) {
    await auth.sessions.create({ userId: 'id-alice', roles: [], amr: ['pwd'], device });
  }
  expect(await auth.sessions.list('id-alice')).toHaveLength(100);
  for (const maxPerUser of [0, 201, 10_000, -1, 1.5, Number.NaN]) {
    const options = {
      redis: auth.redis.configFor('auth'),
      role: 'auth',
      idleTimeoutMs: 1000,
      absoluteTimeoutMs: 1000,
    } as const;
    const open = () =>
      new SessionStore({ ...options, waitReplicas: 0, waitTimeoutMs: 20, retryBudgetMs: 200, maxPerUser });
    expect(open).toThrow('maxPerUser must be a whole number from 1 to 200');
  }
});

test('an end of all sessions that breaks off says how many have ended, audits them, and ends the rest when repeated', async () => {
  await using auth = await createTestAuth({}, { retryBudgetMs: 50 });
  const { cookie, id } = await auth.logIn('alice');
  await seedSessions(auth.redis.admin(), 'id-alice', 20_000);
  const ended = () =>
    auth
      .logLines()
      .filter(({ audit }) => audit === 'session-revoked')
      .flatMap(({ sessionIds }) => sessionIds as string[]);
  const asked = auth.ask('DELETE', '/v1/sessions?except=current', { cookie });
  await pollUntil('the first step', 10_000, async () => ended().length > 0);
  await auth.redis.admin().config('SET', 'min-replicas-to-write', '1000');
  const response = await asked;
  expect(response.status).toBe(503);
  const { detail } = (await response.json()) as { detail: string };
  expect(detail).toBe(`${ended().length} sessions have ended. Others may still be alive: ask again to end them.`);
  expect(ended().length).toBeLessThan(20_000);

  await auth.redis.admin().config('SET', 'min-replicas-to-write', '0');
  const before = ended().length;
  const again = await auth.ask('DELETE', '/v1/sessions?except=current', { cookie });
  expect(await again.json()).toEqual({ revoked: 20_000 - before });
  expect(new Set(ended()).size).toBe(20_000);
  expect((await auth.sessions.list('id-alice')).map((session) => session.id)).toEqual([id]);
}, 60_000);

test('lists come in pages, oldest first and none twice; a limit or cursor that is none is 400', async () => {
  await using auth = await createTestAuth();
  const admin = await auth.logIn('admin');
  await seedSessions(auth.redis.admin(), 'id-alice', 30);
  const { cookie } = await auth.logIn('alice');
  type Page = { sessions: { id: string }[]; nextCursor?: string };
  for (const [path, asker] of [
    ['/v1/sessions', cookie],
    ['/v1/users/id-alice/sessions', admin.cookie],
  ] as const) {
    const ask = async (query: string) => (await auth.ask('GET', `${path}${query}`, { cookie: asker })) as Response;
    const whole = (await (await ask('')).json()) as Page;
    expect(whole.sessions).toHaveLength(31);
    expect(whole.nextCursor).toBeUndefined();
    const pages: Page[] = [];
    let query = '?limit=10';
    do {
      pages.push((await (await ask(query)).json()) as Page);
      query = `?limit=10&cursor=${pages.at(-1)?.nextCursor}`;
    } while (pages.at(-1)?.nextCursor !== undefined && pages.length < 10);
    expect(pages.map(({ sessions }) => sessions.length)).toEqual([10, 10, 10, 1]);
    expect(pages.flatMap(({ sessions }) => sessions)).toEqual(whole.sessions);
    const bad = [
      'limit=0',
      'limit=201',
      'limit=-1',
      'limit=1e1',
      'limit=',
      'cursor=',
      'cursor=x',
      `cursor=${'x'.repeat(201)}`,
    ];
    const foreign = Buffer.from('1.not-a-session').toString('base64url');
    for (const wrong of [...bad, `cursor=${foreign}`]) {
      const refused = await ask(`?${wrong}`);
      expect([wrong, refused.status, refused.headers.get('content-type')]).toEqual([
        wrong,
        400,
        'application/problem+json',
      ]);
    }
  }
});

test('the page of devices shows the newest 50, and its own, and says how many more there are', async () => {
  await using auth = await createTestAuth();
  const { cookie, id } = await auth.logIn('alice');
  await seedSessions(auth.redis.admin(), 'id-alice', 80);
  // Older than all of them.
  await auth.redis.admin().eval(
    `local r = {cmsgpack.unpack(redis.call('HGET', KEYS[1], ARGV[1]))}
     r[3] = r[3] - 2000000
     redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(unpack(r)))`,
    1,
    `hf:s:${id.slice(0, 9)}`,
    id.slice(9),
  );
  const page = await (await auth.ask('GET', '/auth/devices', { cookie })).text();
  expect(page.match(/<li>/g)).toHaveLength(50);
  expect(page).toContain('This device');
  expect(page).toContain('You are signed in 31 more times. Only the newest are shown.');
  expect(page).toContain('Sign out all 80 other devices');
  await auth.ask('POST', '/auth/devices', { cookie, form: { session: 'others' } });
  expect((await auth.sessions.list('id-alice')).map((session) => session.id)).toEqual([id]);
});

test('a read that timed out while the connection is up is not asked once more', async () => {
  await using auth = await createTestAuth({}, { retryBudgetMs: 700 });
  const admin = auth.redis.admin();
  const { cookie } = await auth.logIn('alice');
  const monitor = await admin.monitor();
  const asked: string[] = [];
  let isOver = false;
  monitor.on('monitor', (_time: string, [name = '', what = '']: string[]) => {
    // Auth itself looks twice a second whether the functions are there.
    if (/^fcall/i.test(name) && what !== 'holdfast_v2_revision') asked.push(what);
    isOver ||= what === 'the pause is over';
  });
  // Shorter than the time after which a silent connection is given up.
  await admin.client('PAUSE', 900, 'ALL');
  const answers = await Promise.all([
    auth.ask('GET', '/v1/session', { cookie }),
    auth.sessions.listPage('id-bob', { limit: 1 }).then(
      () => 'listed',
      (error: { code: string }) => error.code,
    ),
  ]);
  expect(answers[0].status).toBe(503);
  expect(answers[1]).toBe('store-unavailable');
  await pollUntil('both to be carried out', 10_000, () => asked.length >= 2);
  await admin.echo('the pause is over');
  await pollUntil('the end', 10_000, () => isOver);
  monitor.disconnect();
  expect(asked).toHaveLength(2);
});
