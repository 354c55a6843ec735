import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSessionToken, parseSessionToken, SessionStore } from '@holdfast/session';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../support/poll-until.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { editRecord, keysOf } from '../support/session-records.ts';

const sessionPackage = join(import.meta.dirname, '..', '..', 'services', 'session');
let redis: TestRedis;
let admin: Redis;
let auth: SessionStore;
let validator: SessionStore;

beforeAll(async () => {
  redis = await startRedis();
  admin = redis.admin();
  const open = (role: 'auth' | 'validator') =>
    new SessionStore({
      redis: redis.configFor(role, 2000),
      role,
      idleTimeoutMs: 1_800_000,
      absoluteTimeoutMs: 3_600_000,
      waitReplicas: 0,
      waitTimeoutMs: 1000,
      retryBudgetMs: 5000,
    });
  auth = open('auth');
  validator = open('validator');
  await pollUntil('the function library', 10_000, () => auth.list('nobody').then(() => true));
  await validator.ping();
});
afterAll(async () => {
  await Promise.all([auth.close(), validator.close()]);
  await redis[Symbol.asyncDispose]();
});

async function logIn() {
  const device = { userAgent: 'line\nbreak', ip: '192.0.2.1' };
  const { token } = await auth.create({
    userId: `user-${createSessionToken('nobody').id}`,
    roles: ['customer'],
    amr: ['pwd'],
    device,
  });
  const parsed = parseSessionToken(token);
  if (!parsed) throw new Error('create gave a token that can’t be parsed');
  return parsed;
}
type Token = Awaited<ReturnType<typeof logIn>>;
const calls = async () => {
  const text = await admin.info('commandstats');
  return Number(/cmdstat_fcall_ro:calls=(\d+)/.exec(text)?.[1] ?? 0);
};

test('validations of one moment go to Redis together, and each gets its own answer', async () => {
  const tokens = await Promise.all(Array.from({ length: 12 }, logIn));
  const [ended, unreadable, newer, lost, garbled] = tokens as [Token, Token, Token, Token, Token];
  await auth.revoke(ended.id, { secretHash: ended.secretHash }, 'logout');
  await admin.hset(keysOf(unreadable.id).s, keysOf(unreadable.id).rest, 'no record');
  await admin.del(keysOf(lost.id).s);
  await admin.set(keysOf(lost.id).s, 'not even a hash');
  await editRecord(admin, newer.id, ({ v }) => ({ v: v + 1 }));
  await editRecord(admin, garbled.id, ({ facts }) => ({ facts: `${facts}],["active",[` }));
  const stranger = createSessionToken('nobody');
  await admin.config('RESETSTAT');
  const answers = await Promise.allSettled([...tokens, stranger].map((token) => validator.validate(token)));
  expect(await calls()).toBe(1);
  expect(answers[0]).toMatchObject({ value: { outcome: 'revoked', reason: 'logout' } });
  expect(answers[1]).toMatchObject({ reason: { code: 'store-unavailable' } });
  expect(answers[2]).toMatchObject({ reason: { code: 'store-unavailable' } });
  expect(answers[3]).toMatchObject({ reason: { code: 'store-unavailable' } });
  expect(answers[4]).toMatchObject({ reason: { code: 'store-unavailable' } });
  for (const [index, token] of tokens.entries()) {
    if (index < 5) continue;
    expect(answers[index]).toMatchObject({
      value: { outcome: 'active', session: { id: token.id, roles: ['customer'] } },
    });
  }
  expect(answers.at(-1)).toMatchObject({ value: { outcome: 'unknown' } });
});

test('a thousand at once don’t block Redis with one command', async () => {
  const token = await logIn();
  await admin.config('RESETSTAT');
  const answers = await Promise.all(Array.from({ length: 1000 }, () => validator.validate(token)));
  expect(answers.every(({ outcome }) => outcome === 'active')).toBe(true);
  expect(await calls()).toBeGreaterThanOrEqual(1000 / 16);
});

test('one call validates 64 sessions at most, as one batch or one by one, so that a validator can’t hold up Redis', async () => {
  const { id, secretHash } = await logIn();
  const { s, t, rest } = keysOf(id);
  const batch = (count: number) =>
    admin.call('FCALL_RO', 'holdfast_v2_validate_batch', 0, (id + secretHash).repeat(count)) as Promise<string[]>;
  const each = (count: number) => {
    const [keys, args] = [
      Array.from({ length: count }, () => [s, t]),
      Array.from({ length: count }, () => [rest, secretHash]),
    ];
    return admin.call('FCALL_RO', 'holdfast_v2_validate_each', count * 2, ...keys.flat(), ...args.flat()) as Promise<
      string[]
    >;
  };
  for (const ask of [batch, each]) {
    // Services of releases before asked for so many.
    expect((await ask(64)).filter((answer) => answer.includes('active'))).toHaveLength(64);
    for (const count of [65, 1000]) await expect(ask(count)).rejects.toThrow('one call validates 64 sessions at most');
  }
});

test('while an upgrade goes on, services of both releases validate with the library of either', async () => {
  const tokens = await Promise.all(Array.from({ length: 3 }, logIn));
  const answersAsBefore = () => {
    const keys = tokens.flatMap(({ id }) => [keysOf(id).s, keysOf(id).t]);
    const args = tokens.flatMap(({ id, secretHash }) => [keysOf(id).rest, secretHash]);
    return admin.call('FCALL_RO', 'holdfast_v2_validate_each', keys.length, ...keys, ...args) as Promise<string[]>;
  };
  const outcomes = async () =>
    (await Promise.all(tokens.map((token) => validator.validate(token)))).map(({ outcome }) => outcome);
  for (const answer of await answersAsBefore()) expect(answer).toMatch(/^active\n/);

  const library = readFileSync(join(sessionPackage, 'src', 'functions', 'holdfast.lua'), 'utf8');
  const before = library.replace(/^register\('validate_batch'.*$/m, '');
  await admin.call('FUNCTION', 'LOAD', 'REPLACE', before);
  expect(before).not.toBe(library);
  expect(await outcomes()).toEqual(['active', 'active', 'active']);
  await admin.call('FUNCTION', 'LOAD', 'REPLACE', library);
  expect(await outcomes()).toEqual(['active', 'active', 'active']);
});
