import { randomUUID } from 'node:crypto';
import { parseSessionToken, SessionStore, type SessionStoreOptions } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SessionCache } from '../../services/session/src/session-cache.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { lastSeenOf } from '../support/session-records.ts';

const MINUTE_MS = 60_000;
let redis: TestRedis;
let admin: Redis;
let auth: SessionStore;
let opened: SessionStore[] = [];

beforeAll(async () => {
  redis = await startRedis();
  admin = redis.admin();
  auth = open('auth');
  await pollUntil('the function library', 10_000, () => auth.list('nobody').then(() => true));
});
afterAll(async () => {
  await Promise.all(opened.map((store) => store.close()));
  await redis[Symbol.asyncDispose]();
});

function open(role: 'auth' | 'validator', overrides: Partial<SessionStoreOptions> = {}): SessionStore {
  const store = new SessionStore({
    redis: redis.configFor(role, 2000),
    role,
    idleTimeoutMs: 30 * MINUTE_MS,
    absoluteTimeoutMs: 60 * MINUTE_MS,
    waitReplicas: 0,
    waitTimeoutMs: 1000,
    retryBudgetMs: 5000,
    localCacheMs: MINUTE_MS,
    ...overrides,
  });
  store.connect();
  opened = [...opened, store];
  return store;
}

async function logIn(store = auth, userId: string = randomUUID()) {
  const { token } = await store.create({
    userId,
    roles: [],
    amr: ['pwd'],
    device: { userAgent: 'test', ip: '192.0.2.1' },
  });
  const parsed = parseSessionToken(token);
  if (!parsed) throw new Error('create gave a token that can’t be parsed');
  return { ...parsed, text: token };
}
type Token = Awaited<ReturnType<typeof logIn>>;

/** As `authenticate` asks. */
async function validate(store: SessionStore, token: Token) {
  const validation = store.recall(token.text) ?? (await store.validate(token, { safe: false, presented: token.text }));
  if (validation.outcome === 'active' && validation.touchDue) store.touch(token.id);
  return validation;
}
const untilKept = (store: SessionStore, token: Token) =>
  pollUntil('the cache', 10_000, async () => {
    await validate(store, token);
    return store.recall(token.text) !== undefined;
  });
const questions = async () => Number(/cmdstat_fcall_ro:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);

test('a session that was validated a moment ago costs Redis nothing, where that is switched on', async () => {
  const [caching, asking] = [open('validator'), open('validator', { localCacheMs: 0 })];
  const token = await logIn();
  await untilKept(caching, token);
  await admin.config('RESETSTAT');
  for (let round = 0; round < 50; round++) expect(await validate(caching, token)).toMatchObject({ outcome: 'active' });
  expect(await questions()).toBe(0);
  for (let round = 0; round < 50; round++) await validate(asking, token);
  expect(await questions()).toBe(50);
});

test('auth, which ends sessions, always asks', async () => {
  const token = await logIn();
  for (let round = 0; round < 20; round++) await validate(auth, token);
  expect(auth.recall(token.text)).toBeUndefined();
});

test('a change of one session is a question about the others of that user, and of nobody else', async () => {
  const store = open('validator');
  const userId = randomUUID();
  const [one, two, stranger] = [await logIn(auth, userId), await logIn(auth, userId), await logIn()];
  for (const token of [one, two, stranger]) await untilKept(store, token);
  await auth.revoke(one.id, { secretHash: one.secretHash }, 'logout');
  await pollUntil('its end', 5000, () => store.recall(one.text) === undefined);
  expect(store.recall(two.text)).toBeUndefined();
  expect(store.recall(stranger.text)).toMatchObject({ outcome: 'active' });
  await untilKept(store, two);
  await auth.revoke(two.id, { secretHash: two.secretHash }, 'logout');
  await pollUntil('its end', 5000, () => store.recall(two.text) === undefined);
});

test('another secret is not answered from memory', async () => {
  const store = open('validator');
  const token = await logIn();
  await untilKept(store, token);
  const { secretHash, text } = await logIn();
  const guess = { id: token.id, secretHash, text: token.text.slice(0, 25) + text.slice(25) };
  expect(store.recall(guess.text)).toBeUndefined();
  expect(await validate(store, guess)).toEqual({ outcome: 'unknown' });
});

test('who changes the roles of the session he got changes nobody’s', async () => {
  const store = open('validator');
  const tokens = [await logIn(), await logIn()];
  for (const token of tokens) await untilKept(store, token);
  const [first, second] = tokens.map((token) => store.recall(token.text)?.session.roles as string[]) as [
    string[],
    string[],
  ];
  expect(() => first.push('admin')).toThrow(TypeError);
  expect([first, second]).toEqual([[], []]);
});

test('sessions whose ids begin alike are told apart, counted, and forgotten together', async () => {
  const cache = new SessionCache({ redis: redis.configFor('validator', 2000), maxAgeMs: MINUTE_MS, onError: () => {} });
  try {
    await cache.connection.connect();
    const live = await auth.validate(await logIn());
    const keep = (id: string) => cache.keep(cache.begin(id, `token of ${id}`), live);
    const isKept = (id: string) => cache.find(`token of ${id}`) !== undefined;
    const [one, two, other] = ['sameBeginsAAone', 'sameBeginsAAtwo', 'othersBeginone'] as const;
    await pollUntil('the cache', 10_000, async () => {
      keep(other);
      return isKept(other);
    });
    for (const id of [one, two, one, other]) keep(id);
    expect([one, two, other].map(isKept)).toEqual([true, true, true]);
    expect(cache.size).toBe(3);
    cache.drop(one.slice(0, 12));
    expect([one, two, other].map(isKept)).toEqual([false, false, true]);
    expect(cache.size).toBe(1);
  } finally {
    cache.close();
    cache.connection.disconnect();
  }
});

test('where it is full, the session that came first goes, and of its user nothing else', async () => {
  const options = { redis: redis.configFor('validator', 2000), maxAgeMs: MINUTE_MS, maxSessions: 3, onError: () => {} };
  const cache = new SessionCache(options);
  try {
    await cache.connection.connect();
    const live = await auth.validate(await logIn());
    const keep = (id: string) => cache.keep(cache.begin(id, id), live);
    const isKept = (id: string) => cache.find(id) !== undefined;
    const ids = ['sameBeginsAAone', 'sameBeginsAAtwo', 'sameBeginsAAthree', 'othersBeginone'] as const;
    const [one, two, three, other] = ids;
    await pollUntil('the cache', 10_000, async () => {
      keep(one);
      return isKept(one);
    });
    for (const id of [two, three, two, other]) keep(id);
    expect(ids.map(isKept)).toEqual([false, true, true, true]);
    keep(one);
    expect(ids.map(isKept), 'what was kept anew came last').toEqual([true, true, false, true]);
    cache.drop(one.slice(0, 9));
    expect(ids.map(isKept)).toEqual([false, false, false, true]);
    expect(cache.size).toBe(1);
  } finally {
    cache.close();
    cache.connection.disconnect();
  }
});

test('2,000 races of validations against revoke: every logout is seen within its message’s travel, and stays seen', async () => {
  const stores = [open('validator'), open('validator')];
  for (const store of stores) await untilKept(store, await logIn());
  let keptBefore = 0;
  for (let batch = 0; batch < 20; batch++) {
    const tokens = await Promise.all(Array.from({ length: 100 }, () => logIn()));
    await Promise.all(
      tokens.map(async (token, index) => {
        // Half of them are in memory when they end, the others are just being asked for.
        if (index % 2 === 0) for (const store of stores) await validate(store, token);
        if (stores.every((store) => store.recall(token.text))) keptBefore++;
        const racing = stores.flatMap((store) => [validate(store, token), validate(store, token)]);
        await auth.revoke(token.id, { secretHash: token.secretHash }, 'logout');
        await Promise.all(racing);
      }),
    );
    // What these tell was acknowledged before: far less than the minute that an entry may live.
    await pollUntil('the end of all', 5000, () =>
      stores.every((store) => tokens.every((token) => store.recall(token.text) === undefined)),
    );
    for (const store of stores) {
      for (const token of tokens) {
        expect(await validate(store, token)).toEqual({ outcome: 'revoked', reason: 'logout' });
        expect(store.recall(token.text)).toBeUndefined();
      }
    }
  }
  expect(keptBefore, 'sessions that were in memory when they ended').toBeGreaterThan(500);
}, 120_000);

test('when the connection that tells of changes is cut, nothing is answered from memory until it tells again', async () => {
  const store = open('validator');
  const [first, second] = [await logIn(), await logIn()];
  await untilKept(store, first);
  await untilKept(store, second);
  // It can’t come back: it may not subscribe any more.
  await admin.call('ACL', 'SETUSER', 'validator', '-subscribe');
  try {
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await pollUntil('the empty cache', 5000, () => store.recall(first.text) === undefined);
    expect(store.recall(second.text)).toBeUndefined();
    await auth.revoke(first.id, { secretHash: first.secretHash }, 'logout');
    expect(await validate(store, first)).toEqual({ outcome: 'revoked', reason: 'logout' });
    await admin.config('RESETSTAT');
    for (let round = 0; round < 20; round++) expect(await validate(store, second)).toMatchObject({ outcome: 'active' });
    expect(await questions()).toBe(20);
  } finally {
    await admin.call('ACL', 'SETUSER', 'validator', '+subscribe');
  }
  await untilKept(store, second);
  await auth.revoke(second.id, { secretHash: second.secretHash }, 'logout');
  await pollUntil('its end', 5000, () => store.recall(second.text) === undefined);
});

test('when everything is deleted in Redis nothing is answered from memory', async () => {
  const store = open('validator');
  const token = await logIn();
  await untilKept(store, token);
  await admin.flushall();
  await pollUntil('its end', 5000, () => store.recall(token.text) === undefined);
  expect(await validate(store, token)).toEqual({ outcome: 'unknown' });
});

test('no session is answered from memory past its idle timeout, or past its end', async () => {
  const store = open('validator');
  const idle = open('auth', { idleTimeoutMs: 1200 });
  const brief = open('auth', { idleTimeoutMs: 1500, absoluteTimeoutMs: 1500 });
  const [unused, used] = [await logIn(idle), await logIn(brief)];
  await untilKept(store, unused);
  const usedEnd = pollUntil(
    'the absolute timeout',
    10_000,
    async () => {
      const validation = await validate(store, used);
      return validation.outcome === 'active' ? undefined : validation;
    },
    10,
  );
  // Only from memory: to ask for it would be to use it.
  await pollUntil('the idle timeout', 10_000, () => store.recall(unused.text) === undefined, 10);
  expect(await usedEnd).toEqual({ outcome: 'expired-absolute' });
});

test('a session that is used from memory is touched, and does not idle out', async () => {
  const store = open('validator');
  // Touched once a second.
  const token = await logIn(open('auth', { idleTimeoutMs: 20_000 }));
  const lastSeen = () => lastSeenOf(admin, token.id);
  const createdAt = await lastSeen();
  await untilKept(store, token);
  await pollUntil('two touches', 15_000, async () => {
    expect(await validate(store, token)).toMatchObject({ outcome: 'active' });
    return (await lastSeen()) > createdAt + 2000;
  });
});
