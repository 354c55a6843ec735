import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { redisUserRules, SessionStore } from '@holdfast/session';
import { expect, test } from 'vitest';
import { openSessions } from '../../docs/adopt/open-sessions.ts';
import { startRedis } from '../support/redis-server.ts';
import { startSessions } from '../support/start-sessions.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');
const page = readFileSync(join(docs, 'adopt.md'), 'utf8');

test('every program in docs/adopt.md is the file it names, which the tests run', () => {
  const blocks = [...page.matchAll(/^```(?:ts|python) file=(\S+)\n([\s\S]*?)^```$/gm)];
  expect(blocks.length).toBe(page.match(/^```(?:ts|python)/gm)?.length);
  for (const [, file = '', code] of blocks) expect(code, file).toBe(readFileSync(join(docs, file), 'utf8'));
});

test('the Redis user of docs/adopt.md can validate and touch, and not make, end or read anything else', async () => {
  await using redis = await startRedis();
  await using auth = await startSessions(redis);
  const command = /^ACL SETUSER .*$/m.exec(page)?.[0] ?? '';
  const [, , username = '', , , password = '', ...rules] = command.split(' ');
  expect(rules.toSorted()).toEqual([...redisUserRules.validator].toSorted());
  await redis.admin().call('ACL', ...command.split(' ').slice(1));

  const { token, session } = await auth.create('somebody');
  const config = { ...redis.configFor('validator'), username, password: () => password.slice(1) };
  const options = { redis: config, idleTimeoutMs: 60_000, absoluteTimeoutMs: 60_000 };
  const times = { waitReplicas: 0, waitTimeoutMs: 500, retryBudgetMs: 500 };
  const validator = new SessionStore({ ...options, ...times, role: 'validator' });
  const impostor = new SessionStore({ ...options, ...times, role: 'auth' });
  try {
    for (const store of [validator, impostor]) store.connect();
    const parsed = auth.parse(token);
    expect(await validator.validate(parsed)).toMatchObject({ outcome: 'active', session: { id: session.id } });
    const newSession = { userId: 'somebody', roles: [], amr: [], device: { userAgent: '', ip: '' } };
    for (const attempt of [
      () => impostor.create(newSession),
      () => impostor.revoke(session.id, { userId: 'somebody' }, 'logout'),
      () => impostor.list('somebody'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ cause: { message: expect.stringContaining('NOPERM') } });
    }
    expect(await validator.validate(parsed)).toMatchObject({ outcome: 'active' });
  } finally {
    await Promise.all([validator.close(), impostor.close()]);
  }
});

test('the store of docs/adopt.md opens from the environment, and says what is missing in it', async () => {
  await using redis = await startRedis();
  await using auth = await startSessions(redis);
  expect(() => openSessions()).toThrow('REDIS_SENTINELS');
  const { token } = await auth.create('somebody');
  Object.assign(process.env, redis.environmentFor('validator'));
  const sessions = openSessions();
  try {
    expect(await sessions.validate(auth.parse(token))).toMatchObject({ outcome: 'active' });
  } finally {
    await sessions.close();
  }
});
