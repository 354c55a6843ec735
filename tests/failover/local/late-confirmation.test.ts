import { SessionStore } from '@holdfast/session';
import { expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

/** So long that no replica is promoted while they are all frozen. */
const NEVER_MS = 600_000;

test('a login that the replicas confirm late, as those of a new primary do, is confirmed and not refused', async () => {
  await using set = await startRedisSet({ downAfterMs: NEVER_MS });
  const auth = new SessionStore({
    redis: set.configFor('auth'),
    role: 'auth',
    idleTimeoutMs: 60_000,
    absoluteTimeoutMs: 60_000,
    waitReplicas: 1,
    waitTimeoutMs: 200,
    retryBudgetMs: 200,
  });
  try {
    auth.connect();
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
    await pollUntil(
      'a second WAIT, after one that nobody answered',
      3000,
      async () => (await countWaits()) > before + 1,
    );
    for (const replica of replicas) replica.kill('SIGCONT');
    const { session } = await login;
    expect((await auth.list('alice')).map(({ id }) => id)).toContain(session.id);
  } finally {
    await auth.close();
  }
}, 60_000);
