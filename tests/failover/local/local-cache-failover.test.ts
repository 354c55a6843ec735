import { parseSessionToken, SessionStore } from '@holdfast/session';
import { expect, test } from 'vitest';
import { pollUntil } from '../../support/poll-until.ts';
import { startRedisSet } from '../../support/redis-sentinel.ts';

/** Longer than the test: whatever is answered from memory for too long would be seen. */
const CACHE_MS = 60_000;

test('after a failover the local cache is filled anew, and hears of logouts from the new primary', async () => {
  await using set = await startRedisSet();
  const open = (role: 'auth' | 'validator') =>
    new SessionStore({
      redis: set.configFor(role, 1000),
      role,
      idleTimeoutMs: 1_800_000,
      absoluteTimeoutMs: 3_600_000,
      waitReplicas: 1,
      waitTimeoutMs: 1000,
      retryBudgetMs: 10_000,
      localCacheMs: CACHE_MS,
    });
  const [auth, validator] = [open('auth'), open('validator')];
  const logIn = async () => {
    const device = { userAgent: 'Test/1.0', ip: '192.0.2.1' };
    const { token } = await auth.create({ userId: 'somebody', roles: [], amr: ['pwd'], device });
    const parsed = parseSessionToken(token);
    if (!parsed) throw new Error('create gave a token that can’t be parsed');
    return { ...parsed, text: token };
  };
  try {
    auth.connect();
    validator.connect();
    const [before, after] = [await pollUntil('a login', 15_000, logIn), await logIn()];
    const untilKept = (token: typeof before) =>
      pollUntil('the cache', 20_000, async () => {
        await validator.validate(token, { safe: false, presented: token.text });
        return validator.recall(token.text) !== undefined;
      });
    await untilKept(before);
    await untilKept(after);

    const primary = await set.primary();
    await primary.killed();
    await pollUntil('the empty cache', 5000, () => !validator.recall(before.text) && !validator.recall(after.text));
    await set.untilFailedOver(primary);
    // The first answer of the new primary that is kept, and what it says of it later.
    await untilKept(after);
    await pollUntil('a confirmed logout', 20_000, () =>
      auth.revoke(after.id, { secretHash: after.secretHash }, 'logout').then(
        () => true,
        () => false,
      ),
    );
    await pollUntil('its end', 5000, () => validator.recall(after.text) === undefined);
    expect(await validator.validate(after)).toEqual({ outcome: 'revoked', reason: 'logout' });
    expect(await validator.validate(before)).toMatchObject({ outcome: 'active' });
  } finally {
    await Promise.all([auth.close(), validator.close()]);
  }
}, 90_000);
