import { createSessionToken, type RedisEndpoint } from '@holdfast/session';
import { expect, test } from 'vitest';
import { createSession, openStore } from '../../support/open-store.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';
import { startSentinelBeside } from '../../support/start-sentinel-beside.ts';

test('who is cut off together with the old primary tells nobody what that one has: a session begun since is unavailable, never unknown', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const auth = openStore(set.configFor('auth'), 'auth');
  await createSession(auth);
  const old = await set.primary();
  await old.killed();
  const successor = await set.untilFailedOver(old);
  await set.untilAllName(successor);
  const begun = await pollUntil('a login after the failover', 20_000, () => createSession(auth).catch(() => undefined));

  // The far side, before it hears of the failover: the old primary lives on without a replica, one Sentinel names it, and the
  // others don't answer.
  for (const sentinel of set.sentinels) sentinel.process?.kill('SIGSTOP');
  await old.start();
  await using besideIt = await startSentinelBeside(set, old);
  const [second, third] = set.sentinels.map(({ endpoint }) => endpoint) as [RedisEndpoint, RedisEndpoint];
  const far = openStore(set.configFor('validator', undefined, [besideIt.endpoint, second, third]), 'validator');
  await pollUntil('the old primary', 10_000, async () =>
    (await old.admin().info()).includes('min_slaves_good_slaves:0'),
  );
  // Each for as long as its budget lasts, while it connects again and again.
  for (let attempt = 0; attempt < 3; attempt += 1)
    await expect(far.validate(begun)).rejects.toMatchObject({ code: 'store-unavailable' });

  // The cut is mended.
  for (const sentinel of set.sentinels) sentinel.process?.kill('SIGCONT');
  const answer = await pollUntil('an answer', 20_000, async () => {
    const outcome = await far.validate(begun).then(
      ({ outcome }) => outcome,
      ({ code }) => code as string,
    );
    return outcome !== 'store-unavailable' && outcome;
  });
  expect(answer).toBe('active');
}, 120_000);

test('a primary that is cut off while it is asked, just after a failover, is asked no more once it can have a successor, and again when it has none', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const token = await createSession(openStore(set.configFor('auth'), 'auth'));
  const validator = openStore(set.configFor('validator'), 'validator');
  const ask = () => validator.validate(createSessionToken('nobody')).catch(({ code }) => ({ outcome: code as string }));
  await pollUntil('the primary', 10_000, async () => (await ask()).outcome === 'unknown');
  // So that it has just heard of a failover.
  const old = await set.primary();
  await old.killed();
  await old.start(await set.untilFailedOver(old));
  await set.untilReplicated();
  await pollUntil('the successor', 10_000, async () => (await ask()).outcome === 'unknown');
  const beyondTheCut = [
    ...(await set.replicas()).map(({ node }) => node.process),
    ...set.sentinels.slice(1).map((sentinel) => sentinel.process),
  ];
  for (const each of beyondTheCut) each?.kill('SIGSTOP');
  await pollUntil('no answer', 10_000, async () => (await ask()).outcome === 'store-unavailable');
  expect((await ask()).outcome).toBe('store-unavailable');
  for (const each of beyondTheCut) each?.kill('SIGCONT');
  await pollUntil(
    'the primary again',
    20_000,
    async () => (await validator.validate(token).catch(() => undefined))?.outcome === 'active',
  );
}, 120_000);

test('a primary that all its replicas have left keeps its connections while most Sentinels name it', async () => {
  await using set = await startRedisSet();
  await set.untilReplicated();
  const errors: Error[] = [];
  const validator = openStore(set.configFor('validator'), 'validator', { onError: (error) => errors.push(error) });
  const auth = openStore(set.configFor('auth'), 'auth');
  await pollUntil('the functions', 10_000, () => validator.ping().then(() => true));
  await auth.close();
  const admin = (await set.primary()).admin();
  const connections = async () => {
    const lines = String(await admin.client('LIST')).split('\n');
    return lines.filter((line) => line.includes(' user=validator ')).map((line) => line.split(' ')[0]);
  };
  const before = await connections();
  for (const { node } of await set.replicas()) node.process?.kill('SIGSTOP');
  await pollUntil('a primary alone', 10_000, async () => (await admin.info()).includes('min_slaves_good_slaves:0'));
  await admin.config('RESETSTAT');
  await pollUntil('five looks at it', 10_000, async () => {
    return Number(/cmdstat_info:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]) >= 5;
  });
  expect(await connections()).toEqual(before);
  expect(before).toHaveLength(1);
  expect(errors).toEqual([]);
}, 120_000);
