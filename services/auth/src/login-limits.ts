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
  /**
   * Failures per account in 24 hours, over all devices. A quarter of them is kept for devices it knows, another for those who
   * authenticate once more in a session.
   */
  perDay: number;
  /** Successful logins per account and minute. */
  successesPerMinute: number;
}

export interface LoginAttempt {
  username: string;
  address: string;
  /** Set when this device has logged in to this account before. */
  deviceId?: string | undefined;
  /** Set in a live session of this account. */
  sessionId?: string | undefined;
}

/** The place of one attempt among those that may still fail. Each is to be told once how it ended. */
export interface LoginPlace {
  /** The password or the proof was wrong. */
  failed(): Promise<void>;
  /** It was right, or nobody looked at it. */
  notFailed(): Promise<void>;
  /** Whether the place has come free by itself, so that another attempt may have it: nobody may be told how this one ended. */
  hasExpired(): boolean;
}

/**
 * How long an attempt counts whose end was never told. Longer than one waits for its turn to be hashed; and short, since
 * such attempts are those that an outage cut off, and nobody is to be locked out for having tried again in an outage.
 */
const PENDING_MS = 15_000;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** How many times the failures of one address an IPv6 /48 may have. */
const WIDE_FACTOR = 10;

/**
 * Counts failed logins: an attempt takes its place before the password is looked at, so a burst can't slip through.
 *
 * NIST SP 800-63B-4, section 3.2.2, allows at most 100 failures in a row for an account, so all devices together have that many in
 * a day. Strangers, known devices and sessions each have a part of their own: none of them can use up another's.
 *
 * @throws HoldfastError `rate-limited` with the seconds to wait
 */
export async function takeLoginAttempt(
  sessions: SessionStore,
  { username, address, deviceId, sessionId }: LoginAttempt,
  config: LoginLimitConfig,
): Promise<LoginPlace> {
  const account = toAccount(username);
  const { perAccount, perDay, windowMs } = config;
  const device = sessionId ?? deviceId;
  const quarter = Math.floor(perDay / 4);
  if (device === undefined) {
    return take(sessions, [
      counter(`account:${account}`, perAccount, windowMs),
      counter(`day:${account}:strangers`, perDay - 2 * quarter, DAY_MS),
      ...addressCounters(address, config),
    ]);
  }
  // Not by address: strangers behind the same one must not lock it out. And one device alone must not lock out the others.
  const part = sessionId === undefined ? 'devices' : 'sessions';
  return take(sessions, [
    counter(`device:${account}:${device}`, perAccount, windowMs),
    counter(`day-device:${account}:${device}`, Math.ceil(quarter / 3), DAY_MS),
    counter(`day:${account}:${part}`, quarter, DAY_MS),
  ]);
}

/**
 * Counts a login whose password was right. Not before: only whoever knows the password may learn that an account is in use.
 *
 * @throws HoldfastError `rate-limited` with the seconds to wait
 */
export async function countLogin(
  sessions: SessionStore,
  username: string,
  { successesPerMinute }: LoginLimitConfig,
): Promise<void> {
  const logins = { ...counter(`logins:${toAccount(username)}`, successesPerMinute, MINUTE_MS), pendingMs: MINUTE_MS };
  refuseUntil(await sessions.takeLimit([logins], randomUUID()));
}

/** Hashed, so that what people type into the wrong field is not kept. */
const toAccount = (username: string) => hash('sha256', normalizeUsername(username), 'base64url').slice(0, 22);

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
  const of = (network: string, limit: number) => counter(`address:${network}`, limit, windowMs);
  return [of(narrow, perAddress), ...(wide === narrow ? [] : [of(wide, WIDE_FACTOR * perAddress)])];
}

const counter = (key: string, limit: number, windowMs: number): LimitCounter => ({
  key,
  limit,
  windowMs,
  pendingMs: PENDING_MS,
});

async function take(sessions: SessionStore, counters: readonly LimitCounter[]): Promise<LoginPlace> {
  const attempt = randomUUID();
  const takenAtMs = performance.now();
  refuseUntil(await sessions.takeLimit(counters, attempt));
  return {
    failed: () => sessions.countLimit(counters, attempt),
    notFailed: () => sessions.giveLimit(counters, attempt),
    hasExpired: () => performance.now() - takenAtMs >= PENDING_MS,
  };
}

function refuseUntil(waitMs: number): void {
  if (waitMs <= 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  throw new HoldfastError('rate-limited', `Too many logins. Try again in ${seconds} seconds.`, {
    retryAfterSeconds: seconds,
  });
}
