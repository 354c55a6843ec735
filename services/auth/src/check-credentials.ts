import { createClientAddress } from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import type { Context } from 'hono';
import { audit } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { readDeviceCookie } from './device-cookie.ts';
import { takeLoginAttempt } from './login-limits.ts';
import type { User } from './user-directory.ts';

export interface Credentials {
  username: string;
  password: string;
  /** The live session they are given in. Its failures are counted apart: strangers can't lock its holder out. */
  sessionId?: string;
}

/**
 * The user whose password this is, within the limits of failures. Costs the same whether or not there is such a user.
 *
 * @throws HoldfastError `invalid-credentials`, `rate-limited` or `store-unavailable`
 */
export async function checkCredentials(
  c: Context<AuthEnv>,
  { config, keys, limitHashing, metrics, sessions, users }: AuthServices,
  { username, password, sessionId }: Credentials,
): Promise<User> {
  const ip = createClientAddress(config.trustedProxies)(c);
  const userId = users.findId(username);
  const known = userId && readDeviceCookie(keys.derive('device'), c.req.header('cookie'), userId);
  const about = { userId, ip, ...(sessionId === undefined ? {} : { sessionId }) };
  const attempt = { username, address: ip, deviceId: sessionId ?? known };
  const place = await takeLoginAttempt(sessions, attempt, config.loginLimits).catch((error) => {
    const limited = error instanceof HoldfastError && error.code === 'rate-limited';
    metrics.recordLogin(limited ? 'limited' : 'error');
    if (limited) audit(c, 'login-limited', about);
    throw error;
  });
  const user = await limitHashing(() => users.verify(username, password)).catch(async (error) => {
    metrics.recordLogin('error');
    await place.notFailed();
    throw error;
  });
  if (!user) {
    // Before the answer: a guess that is not counted is not told that it was wrong.
    await place.failed();
    metrics.recordLogin('failed');
    audit(c, 'login-failed', about);
    throw new HoldfastError('invalid-credentials', 'The username or the password is wrong.');
  }
  await place.notFailed();
  return user;
}
