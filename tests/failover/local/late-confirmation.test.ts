import { expect, test } from 'vitest';
import { openStore } from '../../support/open-store.ts';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

/** So long that no replica is promoted while they are all frozen. */
const NEVER_MS = 600_000;

test('a login that the replicas confirm late, as those of a new primary do, is confirmed and not refused', async () => {
  await using set = await startRedisSet({ downAfterMs: NEVER_MS });
  const auth = openStore(set.configFor('auth'), 'auth', { waitTimeoutMs: 200, retryBudgetMs: 200 });
  const logIn = () => auth.create({ userId: 'alice', roles: [], amr: ['pwd'], device: { userAgent: '', ip: '' } });
  await pollUntil('the function library', 10_000, () => logIn());
  await set.untilReplicated();
  const [primary, replicas] = [(await set.primary()).admin(), await set.replicas()];
  const countWaits = async () =>
    Number(/^cmdstat_wait:calls=(\d+)/m.exec(await primary.info('commandstats'))?.[1] ?? 0);
  const before = await countWaits();
  for (const replica of replicas) replica.kill('SIGSTOP');
  const login = logIn();
  login.catch(() => {});
  await pollUntil('a second WAIT, after one that nobody answered', 3000, async () => (await countWaits()) > before + 1);
  for (const replica of replicas) replica.kill('SIGCONT');
  const { session } = await login;
  expect((await auth.list('alice')).map(({ id }) => id)).toContain(session.id);
}, 60_000);
