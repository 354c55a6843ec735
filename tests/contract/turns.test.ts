import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSession } from '../support/open-store.ts';
import { pollUntil } from '../support/poll-until.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { keysOf } from '../support/session-records.ts';
import { startSessions, type TestSessions } from '../support/start-sessions.ts';

let redis: TestRedis;
let sessions: TestSessions;
beforeAll(async () => {
  redis = await startRedis();
  sessions = await startSessions(redis);
});
afterAll(async () => {
  await sessions?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

const MANY = 100;

test.each<[string, (userId: string) => Promise<unknown>]>([
  ['lists of sessions', (userId) => sessions.auth.list(userId)],
  ['logins', (userId) => createSession(sessions.auth, userId)],
  ['ends of all sessions', (userId) => sessions.auth.revokeUser(userId, 'signed-out-elsewhere')],
])('Redis is not asked for all %s of one user before it is asked for another’s', async (what, ask) => {
  const [greedy, modest] = [`greedy ${what}`, `modest ${what}`];
  const { id: modestId } = await createSession(sessions.auth, modest);
  const { id: greedyId } = await createSession(sessions.auth, greedy);
  const monitor = await redis.admin().monitor();
  const keys: string[] = [];
  monitor.on('monitor', (_time: string, [command, , , key]: string[]) => {
    if (command?.toLowerCase().startsWith('fcall') && key) keys.push(key);
  });
  const many = Promise.all(Array.from({ length: MANY }, () => ask(greedy)));
  await ask(modest);
  await many;
  const countGreedy = (some: readonly string[]) => some.filter((key) => key === keysOf(greedyId).s).length;
  await pollUntil('everything that was asked', 5000, () => countGreedy(keys) >= MANY);
  monitor.disconnect();
  expect(countGreedy(keys.slice(0, keys.indexOf(keysOf(modestId).s)))).toBeLessThan(5);
});

test('lists of one user that wait for one that fails are refused with it, and the next one is sent', async () => {
  await createSession(sessions.auth, 'waiting');
  await redis.killed();
  const asked = await Promise.allSettled(Array.from({ length: MANY }, () => sessions.auth.list('waiting')));
  expect(asked.map((answer) => answer.status === 'rejected' && answer.reason.code)).toEqual(
    Array(MANY).fill('store-unavailable'),
  );
  await redis.start();
  await expect.poll(() => sessions.auth.list('waiting').catch(() => undefined), { timeout: 10_000 }).toHaveLength(1);
});

test('all lists of one user are answered where Redis has lost the functions', async () => {
  await createSession(sessions.auth, 'flushed');
  await redis.admin().function('FLUSH');
  const lists = await Promise.all(Array.from({ length: 20 }, () => sessions.auth.list('flushed')));
  expect(lists.map(({ length }) => length)).toEqual(Array(20).fill(1));
});
