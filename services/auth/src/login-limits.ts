import { hash } from 'node:crypto';
import { HoldfastError, type LimitCounter, type SessionStore } from '@holdfast/session';

export interface LoginLimitConfig {
  /** Failures per account from devices it does not know, and per known device of an account, in a window. */
  perAccount: number;
  /** Failures per client address in a window. */
  perAddress: number;
  windowMs: number;
}

export interface LoginAttempt {
  username: string;
  address: string;
  /** Set when this device has logged in to this account before. */
  deviceId: string | undefined;
}

/**
 * Counts failed logins (NIST SP 800-63B-4, section 3.2.2): an attempt takes its place before the password is looked at,
 * so a burst can't slip through, and a login that succeeds gives it back.
 *
 * @returns to be called when the login succeeded
 * @throws HoldfastError `rate-limited` with the seconds to wait
 */
export async function takeLoginAttempt(
  sessions: SessionStore,
  attempt: LoginAttempt,
  config: LoginLimitConfig,
): Promise<() => Promise<void>> {
  // Hashed, so that what people type into the wrong field is not kept.
  const account = hash('sha256', attempt.username.normalize('NFC'), 'base64url').slice(0, 22);
  const { perAccount, windowMs } = config;
  const counters: LimitCounter[] = [
    {
      key: attempt.deviceId === undefined ? `a:${account}` : `d:${account}:${attempt.deviceId}`,
      limit: perAccount,
      windowMs,
    },
    addressCounter(attempt.address, config),
  ];
  return take(sessions, counters);
}

/** As {@link takeLoginAttempt}, for a login whose user is known only afterwards. */
export function takeAddressAttempt(
  sessions: SessionStore,
  address: string,
  config: LoginLimitConfig,
): Promise<() => Promise<void>> {
  return take(sessions, [addressCounter(address, config)]);
}

const addressCounter = (address: string, { perAddress, windowMs }: LoginLimitConfig): LimitCounter => ({
  key: `i:${address}`,
  limit: perAddress,
  windowMs,
});

async function take(sessions: SessionStore, counters: readonly LimitCounter[]): Promise<() => Promise<void>> {
  const waitMs = await sessions.takeLimit(counters);
  if (waitMs > 0) {
    const seconds = Math.ceil(waitMs / 1000);
    throw new HoldfastError('rate-limited', `Too many failed logins. Try again in ${seconds} seconds.`, {
      retryAfterSeconds: seconds,
    });
  }
  return () => sessions.giveLimit(counters);
}
