import { randomBytes } from 'node:crypto';
import { createSessionToken, parseSessionToken, SESSION_COOKIE } from '@holdfast/session';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuth, newCookie, type TestAuth } from '../support/auth-app.ts';
import { keysOf, lastSeenOf } from '../support/session-records.ts';

/** How many odd values of each kind are tried. */
const VALUES = 10_000;
/** So many sessions are asked about at once. */
const AT_ONCE = 25;

let auth: TestAuth;
let admin: Redis;
let validator: Redis;
let adminCookie: string;

beforeAll(async () => {
  auth = await createTestAuth({}, { rotateMs: 900_000, retryBudgetMs: 5000 }, {}, 2000);
  admin = auth.redis.admin();
  const { host, port } = auth.redis;
  validator = new Redis({ host, port, ...auth.redis.users.validator });
  adminCookie = (await auth.logIn('admin')).cookie;
});
afterAll(async () => {
  validator?.disconnect();
  await auth?.[Symbol.asyncDispose]();
});

const begin = async (userId = `user-${createSessionToken('nobody').id}`) => {
  const device = { userAgent: 'odd values', ip: '192.0.2.10' };
  const { token, session } = await auth.sessions.create({ userId, roles: ['customer'], amr: ['pwd'], device });
  return { userId, cookie: `${SESSION_COOKIE}=${token}`, id: session.id, session };
};

const specials = [
  ...['', ' ', 'x', '\0', '-', '+', '.', 'e', 'nil', 'true', 'null', '[]', '{}', 'reused', 'reused ', 'REUSED'],
  ...['inf', '-inf', '+inf', 'Infinity', '-Infinity', 'nan', '-nan', 'NaN', 'nan(1)', '1e400', '-1e400', '1e308'],
  ...['0', '-0', '-1', '0.5', '1e-400', '5e-324', '0x10', '0xffffffffffffffff', '0x1p1023', '1e3', '1_000', '007'],
  ...['9007199254740993', '8640000000000001', '253402300800000', '99999999999999', '9'.repeat(15), '9'.repeat(400)],
  ...[' 1764374155000', '1764374155000 ', '1764374155000\n', '1764374155000.5', '١٢٣', '１２３', '1764374155000x'],
];

/** Numbers in every spelling, times to come and past, bytes, and long texts. */
function oddValue(index: number): string | Buffer {
  const special = specials[index];
  if (special !== undefined) return special;
  const random = Math.random();
  switch (index % 12) {
    case 0:
      return randomBytes(index % 40);
    case 1:
      return String((random - 0.5) * 10 ** (index % 320));
    case 2:
      return `0x${randomBytes(1 + (index % 12)).toString('hex')}`;
    case 3:
      return String(Date.now() + Math.floor(random * 10 ** (index % 16)));
    case 4:
      return String(Date.now() - Math.floor(random * 10 ** (index % 14)));
    case 5:
      return `${random < 0.5 ? '-' : ''}${'1234567890'.repeat(1 + (index % 50))}`;
    case 6:
      return `${Math.floor(random * 1e15)}e${Math.floor((random - 0.5) * 800)}`;
    case 7:
      return `${specials[index % specials.length]}${specials[Math.floor(random * specials.length)]}`;
    case 8:
      return 'reused'.slice(0, index % 7) + randomBytes(2).toString('latin1');
    case 9:
      return randomBytes(index % 60 === 9 ? 200_000 : 100);
    case 10:
      return `${Date.now()}${specials[Math.floor(random * specials.length)]}`;
    default:
      return String(random * 1e14);
  }
}

interface SessionView {
  id: string;
  createdAt: string;
  lastSeenAt: string;
  idleExpiresAt: string;
  absoluteExpiresAt: string;
}

/** What auth answers about a session, and about it to others. @returns the statuses */
async function askEverything({ cookie, userId, id }: { cookie: string; userId: string; id: string }) {
  const responses = [
    await auth.ask('GET', '/v1/session', { cookie }),
    await auth.ask('GET', '/v1/sessions', { cookie }),
    await auth.ask('GET', '/auth/devices', { cookie }),
    await auth.ask('POST', '/v1/session/rotate', { cookie }),
    await auth.ask('GET', `/v1/users/${userId}/sessions`, { cookie: adminCookie }),
    await auth.ask('DELETE', `/v1/sessions/${id}`, { cookie }),
  ];
  const now = Date.now() + 1000;
  for (const response of [responses[0], responses[1], responses[4]]) {
    if (response?.status !== 200) continue;
    const body = (await response.json()) as { session?: SessionView; sessions?: SessionView[] };
    for (const session of body.sessions ?? [body.session as SessionView]) {
      const times = [session.lastSeenAt, session.idleExpiresAt, session.absoluteExpiresAt].map(Date.parse);
      const [seenMs, idleMs, absoluteMs] = times as [number, number, number];
      expect(seenMs).toBeLessThanOrEqual(now);
      expect(seenMs).toBeGreaterThan(now - 1_800_000 - 60_000);
      expect(idleMs).toBeLessThanOrEqual(absoluteMs);
    }
  }
  return responses.map(({ status }) => status);
}

describe('whatever a validator writes about when a session was last seen', () => {
  for (const kind of ['when it was seen', 'which secret was used'] as const) {
    test(`${VALUES} odd values of ${kind} break no answer of auth`, async () => {
      const broken: string[] = [];
      for (let done = 0; done < VALUES; done += AT_ONCE) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, async (_, place) => {
            const value = oddValue(done + place);
            const session = await begin();
            const { t, rest } = keysOf(session.id);
            if (kind === 'when it was seen') {
              await validator.hset(t, rest, value);
            } else {
              const response = await auth.ask('POST', '/v1/session/rotate', { cookie: session.cookie });
              const next = parseSessionToken((newCookie(response) ?? '').slice(SESSION_COOKIE.length + 1));
              const mark = place % 10 === 0 ? 'x'.repeat(22) : (next?.secretHash ?? '').slice(0, 22);
              await validator.hset(t, `${rest}u`, Buffer.concat([Buffer.from(mark), Buffer.from(value)]));
            }
            const statuses = await askEverything(session);
            if (statuses.some((status) => ![200, 204, 303, 401, 404].includes(status))) {
              broken.push(`${JSON.stringify(value.toString('latin1').slice(0, 40))}: ${statuses.join(' ')}`);
            }
          }),
        );
      }
      expect(broken).toEqual([]);
    }, 600_000);
  }

  test('a time to come counts as now, so that the session idles out again once nobody uses it', async () => {
    for (const value of ['inf', '1e300', '99999999999999', String(Date.now() + 3_600_000)]) {
      const { cookie, id } = await begin();
      await validator.hset(keysOf(id).t, keysOf(id).rest, value);
      expect((await auth.ask('GET', '/v1/session', { cookie })).status, value).toBe(200);
      await expect.poll(() => lastSeenOf(admin, id), { timeout: 5000 }).toBeLessThanOrEqual(Date.now() + 1000);
    }
  });

  test('no value at all, or nonsense, is a session that has idled out, and nothing else', async () => {
    for (const value of ['', 'nan', '-1', 'x', '-inf', 'y'.repeat(100_000)]) {
      const { cookie, id, userId } = await begin();
      await validator.hset(keysOf(id).t, keysOf(id).rest, value);
      const response = await auth.ask('GET', '/v1/session', { cookie });
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        401,
        'session-expired-idle',
      ]);
      const again = await begin(userId);
      expect((await auth.ask('GET', '/v1/session', { cookie: again.cookie })).status).toBe(200);
    }
  });

  test('a key of another type costs the user the sessions that live, and no login, list or logout', async () => {
    const replacements: [string, ...(string | number)[]][] = [
      ['SET', 'text'],
      ['RPUSH', 'a', 'b'],
      ['SADD', 'a'],
      ['ZADD', 1, 'a'],
      ['XADD', '*', 'a', 'b'],
      ['SETBIT', 7, 1],
    ];
    for (const [command, ...args] of replacements) {
      const userId = `user-${createSessionToken('nobody').id}`;
      const replace = async (id: string) => {
        await admin.del(keysOf(id).t);
        await admin.call(command, keysOf(id).t, ...args);
      };
      const asked = await begin(userId);
      await replace(asked.id);
      expect(new Set(await askEverything(asked)), command).toSatisfy((all: Set<number>) => Math.max(...all) < 500);

      const loggedOut = await begin(userId);
      await replace(loggedOut.id);
      expect((await auth.ask('DELETE', '/v1/session', { cookie: loggedOut.cookie })).status, command).toBe(204);

      const before = await begin(userId);
      await replace(before.id);
      const after = await begin(userId);
      expect((await auth.ask('GET', '/v1/session', { cookie: after.cookie })).status, command).toBe(200);
      expect((await auth.sessions.list(userId)).map(({ id }) => id)).toEqual([after.id]);
    }
  });

  test('a hundred thousand fields that belong to no session cost auth no further command of Redis', async () => {
    const commandsOf = async (session: Awaited<ReturnType<typeof begin>>) => {
      await admin.config('RESETSTAT');
      expect(await askEverything(session)).toEqual([200, 200, 200, 200, 200, 204]);
      const stats = await admin.info('commandstats');
      return [...stats.matchAll(/cmdstat_(\S+):calls=(\d+)/g)].map(([, name, calls]) => `${name} ${calls}`).sort();
    };
    const [clean, full] = [await begin(), await begin()];
    for (let done = 0; done < 100_000; done += 10_000) {
      const junk = Array.from({ length: 10_000 }, (_, at) => [`junk-${done + at}`, 'inf']);
      await validator.hset(keysOf(full.id).t, ...junk.flat());
    }
    expect(await commandsOf(full)).toEqual(await commandsOf(clean));
  });
});
