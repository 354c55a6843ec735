import { hash, randomUUID } from 'node:crypto';
import { toClientNetwork } from '@holdfast/runtime';
import { HoldfastError, type LimitCounter, type SessionStore } from '@holdfast/session';
import { normalizeUsername } from './user-directory.ts';

export interface LoginLimitConfig {
  /** Failures per account from devices it does not know, and per known device of an account, in a window. */
  perAccount: number;
  /** Failures per client address in a window: an IPv4 address, or an IPv6 /64. */
  perAddress: number;
  windowMs: number;
}

export interface LoginAttempt {
  username: string;
  address: string;
  /** Set when this device has logged in to this account before. */
  deviceId: string | undefined;
}

/** The place of one attempt among those that may still fail. Each is to be told once how it ended. */
export interface LoginPlace {
  /** The password or the proof was wrong. */
  failed(): Promise<void>;
  /** It was right, or nobody looked at it. */
  notFailed(): Promise<void>;
}

/**
 * How long an attempt counts whose end was never told. Longer than one waits for its turn to be hashed; and short, since
 * such attempts are those that an outage cut off, and nobody is to be locked out for having tried again in an outage.
 */
const PENDING_MS = 15_000;
/** How many times the failures of one address an IPv6 /48 may have. */
const WIDE_FACTOR = 10;

/**
 * Counts failed logins (NIST SP 800-63B-4, section 3.2.2): an attempt takes its place before the password is looked at,
 * so a burst can't slip through.
 *
 * @throws HoldfastError `rate-limited` with the seconds to wait
 */
export async function takeLoginAttempt(
  sessions: SessionStore,
  attempt: LoginAttempt,
  config: LoginLimitConfig,
): Promise<LoginPlace> {
  // Hashed, so that what people type into the wrong field is not kept.
  const account = hash('sha256', normalizeUsername(attempt.username), 'base64url').slice(0, 22);
  const { perAccount, windowMs } = config;
  const counters: LimitCounter[] = [
    {
      key: attempt.deviceId === undefined ? `account:${account}` : `device:${account}:${attempt.deviceId}`,
      limit: perAccount,
      windowMs,
      pendingMs: PENDING_MS,
    },
    ...addressCounters(attempt.address, config),
  ];
  return take(sessions, counters);
}

/** As {@link takeLoginAttempt}, for a login whose user is known only afterwards. */
export function takeAddressAttempt(
  sessions: SessionStore,
  address: string,
  config: LoginLimitConfig,
): Promise<LoginPlace> {
  return take(sessions, addressCounters(address, config));
}

/**
 * A client of IPv6 has a /64 of addresses at least, and may have a /48. But a /48 may also be many customers of a provider, so
 * it has room for more failures.
 */
function addressCounters(address: string, { perAddress, windowMs }: LoginLimitConfig): LimitCounter[] {
  const [narrow, wide] = [toClientNetwork(address, 64), toClientNetwork(address, 48)];
  const counter = (network: string, limit: number) => ({
    key: `address:${network}`,
    limit,
    windowMs,
    pendingMs: PENDING_MS,
  });
  return [counter(narrow, perAddress), ...(wide === narrow ? [] : [counter(wide, WIDE_FACTOR * perAddress)])];
}

async function take(sessions: SessionStore, counters: readonly LimitCounter[]): Promise<LoginPlace> {
  const attempt = randomUUID();
  const waitMs = await sessions.takeLimit(counters, attempt);
  if (waitMs > 0) {
    const seconds = Math.ceil(waitMs / 1000);
    throw new HoldfastError('rate-limited', `Too many failed logins. Try again in ${seconds} seconds.`, {
      retryAfterSeconds: seconds,
    });
  }
  return {
    failed: () => sessions.countLimit(counters, attempt),
    notFailed: () => sessions.giveLimit(counters, attempt),
  };
}
