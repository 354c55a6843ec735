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
  /** The same without an end, until a login succeeds or the password is changed; 0 is no such limit. */
  inARow: number;
  /** Successful logins per account and minute. */
  successesPerMinute: number;
}

export interface LoginAttempt {
  username: string;
  /** Names the password that the account has now ({@link UserDirectory.findPasswordName}); undefined where there is no account. */
  password: string | undefined;
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
  /** Nobody looked at it. */
  notFailed(): Promise<void>;
  /** It was right. */
  succeeded(): Promise<void>;
  /** Whether the place has come free by itself, so that another attempt may have it: nobody may be told how this one ended. */
  hasExpired(): boolean;
}

/**
 * How long an attempt counts whose end was never told. Longer than one waits for its turn to be hashed; and short, since
 * such attempts are those that an outage cut off, and nobody is to be locked out for having tried again in an outage.
 */
const PENDING_MS = 15_000;
const DAY_MS = 86_400_000;
/** Ten years. */
const NO_END_MS = 3650 * DAY_MS;
const MINUTE_MS = 60_000;
/** How many times the failures of one address an IPv6 /48 may have. */
const WIDE_FACTOR = 10;

/**
 * Counts failed logins: an attempt takes its place before the password is looked at, so a burst can't slip through.
 *
 * NIST SP 800-63B-4, section 3.2.2, allows at most 100 failures in a row for an account. So all devices together have that many in
 * a day, and with `inARow` until a login succeeds. Strangers, known devices and sessions each have a part of their own: none
 * of them can use up another's.
 *
 * @throws HoldfastError `rate-limited` with the seconds to wait
 */
export async function takeLoginAttempt(
  sessions: SessionStore,
  attempt: LoginAttempt,
  config: LoginLimitConfig,
): Promise<LoginPlace> {
  const { address, sessionId, deviceId } = attempt;
  const { perAccount, windowMs } = config;
  const account = toAccount(attempt.username);
  const device = sessionId ?? deviceId;
  const part = sessionId !== undefined ? 'sessions' : deviceId !== undefined ? 'devices' : 'strangers';
  const spans = toSpans(attempt, config).map((span) => ({ ...span, parts: toPartCounters(span, device) }));
  const counters = [
    // Known devices not by address: strangers behind the same one must not lock them out.
    ...(device === undefined
      ? [counter(`account:${account}`, perAccount, windowMs), ...addressCounters(address, config)]
      : [counter(`device:${account}:${device}`, perAccount, windowMs)]),
    ...spans.flatMap(({ parts }) => parts[part]),
  ];
  const inARow = spans
    .filter(({ endsWithSuccess }) => endsWithSuccess)
    .flatMap(({ parts }) => Object.values(parts).flat());
  const place = await take(sessions, counters);
  return {
    ...place,
    async succeeded() {
      await place.notFailed();
      if (inARow.length > 0) await sessions.clearLimit(inARow);
    },
  };
}

/** For how long failures of an account are added up, over all devices. */
interface Span {
  key: string;
  limit: number;
  windowMs: number;
  endsWithSuccess: boolean;
}

function toSpans({ username, password }: LoginAttempt, { perDay, inARow }: LoginLimitConfig): Span[] {
  const account = toAccount(username);
  return [
    { key: `day:${account}`, limit: perDay, windowMs: DAY_MS, endsWithSuccess: false },
    // Names that nobody has are not kept for long: anybody can make up millions of them.
    {
      key: `row:${account}:${password ?? ''}`,
      limit: inARow,
      // Two days, so that a refusal tells nothing in the first.
      windowMs: password === undefined ? 2 * DAY_MS : NO_END_MS,
      endsWithSuccess: true,
    },
  ].filter(({ limit }) => limit > 0);
}

/**
 * A quarter is kept for devices that the account knows, another for sessions. In a day one of them alone must not lock out the
 * others; a row has no such part, which a success elsewhere could not end.
 */
function toPartCounters({ key, limit, windowMs, endsWithSuccess }: Span, device: string | undefined) {
  const quarter = Math.floor(limit / 4);
  const own =
    device === undefined || endsWithSuccess
      ? []
      : [counter(`${key}:device:${device}`, Math.ceil(quarter / 3), windowMs)];
  return {
    strangers: [counter(`${key}:strangers`, limit - 2 * quarter, windowMs)],
    devices: [...own, counter(`${key}:devices`, quarter, windowMs)],
    sessions: [...own, counter(`${key}:sessions`, quarter, windowMs)],
  };
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
    succeeded: () => sessions.giveLimit(counters, attempt),
    failed: () => sessions.countLimit(counters, attempt),
    notFailed: () => sessions.giveLimit(counters, attempt),
    hasExpired: () => performance.now() - takenAtMs >= PENDING_MS,
  };
}

/** Why an account waits for a new password, or for a login that succeeds. */
const tooManyInARow = new Error('too many failures in a row');

/** Whether a login was refused since the account had too many failures in a row, so that time alone doesn't help. */
export const isLockedOut = (error: HoldfastError) => error.cause === tooManyInARow;

function refuseUntil(waitMs: number): void {
  if (waitMs <= 0) return;
  const locked = waitMs > DAY_MS;
  // Whoever is locked out is told no more than at the limit of a day: only names that somebody has are locked.
  const seconds = Math.ceil(Math.min(waitMs, DAY_MS) / 1000);
  throw new HoldfastError('rate-limited', `Too many logins. Try again in ${describeWait(seconds)}.`, {
    retryAfterSeconds: seconds,
    ...(locked ? { cause: tooManyInARow } : {}),
  });
}

/** Rounded up, so that nobody comes back too early: `40 seconds`, `15 minutes`, `24 hours`. */
function describeWait(seconds: number): string {
  const [unit, length] = seconds > 7200 ? ['hour', 3600] : seconds > 90 ? ['minute', 60] : ['second', 1];
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(seconds / length));
}
