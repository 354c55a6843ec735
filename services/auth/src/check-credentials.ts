import { createClientAddress, toClientNetwork } from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import type { Context } from 'hono';
import { audit } from './audit.ts';
import type { AuthEnv, AuthServices } from './auth-context.ts';
import { readDevice } from './device-cookie.ts';
import { countLogin, isLockedOut, takeLoginAttempt } from './login-limits.ts';
import type { User } from './user-directory.ts';

export interface Credentials {
  username: string;
  password: string;
  /** What a device was given at an earlier login and presents, if it is no cookie. */
  device?: string | undefined;
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
  { username, password, device, sessionId }: Credentials,
): Promise<User> {
  const ip = createClientAddress(config.trustedProxies)(c);
  const userId = users.findId(username);
  // Read for whoever is unknown as well: it takes a moment that would tell.
  const known = readDevice(keys.derive('device'), device, c.req.header('cookie'), userId);
  const about = { userId, ip, ...(sessionId === undefined ? {} : { sessionId }) };
  const attempt = {
    username,
    password: users.findPasswordName(username),
    address: ip,
    deviceId: known,
    sessionId,
  };
  const onLimit = (error: unknown) => {
    const limited = error instanceof HoldfastError && error.code === 'rate-limited';
    metrics.recordLogin(limited ? 'limited' : 'error');
    if (limited) audit(c, 'login-limited', isLockedOut(error) ? { ...about, reason: 'failures-in-a-row' } : about);
    throw error;
  };
  const place = await takeLoginAttempt(sessions, attempt, config.loginLimits).catch(onLimit);
  // By the wider network: whoever has a /48 of IPv6 would else have 65,536 turns.
  const verified = limitHashing(toClientNetwork(ip, 48), () => users.verify(username, password));
  const user = await verified.catch(async (error) => {
    await place.notFailed();
    return onLimit(error);
  });
  if (!user) {
    // Before the answer: a guess that is not counted is not told that it was wrong.
    await place.failed();
    metrics.recordLogin('failed');
    audit(c, 'login-failed', about);
  }
  // Another guess may have had the place meanwhile.
  if (place.hasExpired()) {
    const options = { retryAfterSeconds: 1 };
    throw new HoldfastError('rate-limited', 'This login took too long. Try again in a moment.', options);
  }
  if (!user) throw new HoldfastError('invalid-credentials', 'The username or the password is wrong.');
  await place.succeeded();
  await countLogin(sessions, username, config.loginLimits).catch(onLimit);
  return user;
}
