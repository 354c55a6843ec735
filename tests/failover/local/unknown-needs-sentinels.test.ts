import { randomBytes } from 'node:crypto';
import { createSessionToken } from '@holdfast/session';
import { expect, test } from 'vitest';
import { askRedis } from '../../../services/local/src/redis-info.ts';
import { createSession, openStore } from '../../support/open-store.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

const nobody = () => createSessionToken('nobody');

test('while most Sentinels are silent sessions that live go on, and nobody is told that there is none: by no way of asking', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const auth = openStore(set.configFor('auth', 1000), 'auth');
  const validator = openStore(set.configFor('validator', 1000), 'validator');
  const known = await pollUntil('a login', 20_000, () => createSession(auth).catch(() => undefined));
  const stranger = nobody();
  const secret = { secretHash: stranger.secretHash };
  const options = { keys: [randomBytes(32)] };
  const questions: Record<string, () => Promise<unknown>> = {
    validate: async () => (await validator.validate(stranger)).outcome,
    'validate as auth': async () => (await auth.validate(stranger)).outcome,
    describe: async () => (await auth.describe(stranger)).outcome,
    rotate: async () => (await auth.rotate(stranger.token, options)).outcome,
    revoke: async () => (await auth.revoke(stranger.id, secret, 'logout')).outcome,
    'revoke as the user': async () => (await auth.revoke(stranger.id, { userId: 'nobody' }, 'logout')).outcome,
    'revoke as another user': async () => (await auth.revoke(known.id, { userId: 'nobody' }, 'logout')).outcome,
    'another secret': async () => (await validator.validate({ id: known.id, secretHash: secret.secretHash })).outcome,
  };
  const answers = () =>
    Promise.all(Object.entries(questions).map(async ([name, ask]) => [name, await ask().catch(({ code }) => code)]));
  const all = (outcome: string) => Object.keys(questions).map((name) => [name, outcome]);
  expect(await answers()).toEqual(all('unknown'));
  expect(await auth.list('somebody')).toHaveLength(1);

  for (const sentinel of set.sentinels.slice(1)) sentinel.process?.kill('SIGSTOP');
  expect(await answers()).toEqual(all('store-unavailable'));
  await expect(auth.list('somebody')).rejects.toMatchObject({ code: 'store-unavailable' });
  expect((await validator.validate(known)).outcome).toBe('active');
  expect((await auth.describe(known)).outcome).toBe('active');
  expect((await auth.rotate(known.text, { ...options, minAgeMs: 0 })).outcome).toBe('rotated');
  const ended = await createSession(auth);
  expect((await auth.revoke(ended.id, ended, 'logout')).outcome).toBe('revoked');
  // Why it ended is known to whom knows it at all.
  expect((await validator.validate(ended)).outcome).toBe('revoked');

  for (const sentinel of set.sentinels.slice(1)) sentinel.process?.kill('SIGCONT');
  await pollUntil('the Sentinels', 20_000, async () => (await questions['validate']?.()) === 'unknown');
  expect(await answers()).toEqual(all('unknown'));
}, 120_000);

test('a flood of unknown tokens is none at the Sentinels', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const auth = openStore(set.configFor('auth', 1000), 'auth');
  const validator = openStore(set.configFor('validator', 1000), 'validator');
  await pollUntil('a login', 20_000, () => createSession(auth).catch(() => undefined));
  await pollUntil('an answer', 20_000, async () => (await validator.validate(nobody())).outcome === 'unknown');
  const [sentinel] = set.sentinels;
  const countCommands = async () => {
    const text = await askRedis(sentinel?.endpoint ?? { host: '', port: 0 }, undefined, (redis) => redis.info('stats'));
    return Number(/total_commands_processed:(\d+)/.exec(text)?.[1]);
  };
  const before = await countCommands();
  const startedAtMs = performance.now();
  for (let round = 0; round < 20; round += 1) {
    const asked = Array.from({ length: 250 }, () => validator.validate(nobody()));
    expect(new Set((await Promise.all(asked)).map(({ outcome }) => outcome))).toEqual(new Set(['unknown']));
  }
  const looks = (performance.now() - startedAtMs) / 50 + 1;
  // Two commands a look, and what Sentinels tell each other.
  expect((await countCommands()) - before).toBeLessThan(2 * looks + 100);
}, 60_000);

test('who follows a primary that fell back and was chosen again is answered', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const auth = openStore(set.configFor('auth', 1000), 'auth');
  const validator = openStore(set.configFor('validator', 1000), 'validator');
  const known = await pollUntil('a login', 20_000, () => createSession(auth).catch(() => undefined));
  const first = await set.primary();
  for (let failovers = 0; failovers < 4; failovers += 1) {
    const from = await set.primary();
    const to = from === first ? undefined : first;
    // Only one may be chosen on the way back.
    for (const node of set.nodes) {
      const admin = node.admin();
      await admin.config('SET', 'replica-priority', to === undefined || node === to ? 100 : 0);
    }
    await pollUntil('a failover on demand', 60_000, () =>
      set.sentinels[0]?.failover().then(
        () => true,
        () => false,
      ),
    );
    await set.untilFailedOver(from, 40_000);
    await pollUntil('an answer', 30_000, async () => {
      const outcome = await validator.validate(nobody()).then(
        ({ outcome }) => outcome,
        () => undefined,
      );
      return outcome === 'unknown';
    });
    expect((await validator.validate(known)).outcome).toBe('active');
  }
}, 240_000);
