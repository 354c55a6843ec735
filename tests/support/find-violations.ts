import { isConfirmed, isUnserved, type LedgerEntry } from './ledger.ts';

export type ViolationKind =
  /** A login was answered 201, nobody asked for a logout, and the session is gone for good. */
  | 'lost-login'
  /** A session that lives was answered 401. */
  | 'false-401'
  /** A logout was answered 204, or the session was seen to have ended, and it came back. */
  | 'resurrected-session'
  /** An order was answered 201 and is not found. */
  | 'lost-order'
  /** An answer for somebody else. */
  | 'wrong-user'
  /** Neither what was asked for, nor a refusal that the API knows. */
  | 'unexpected-answer'
  /** A 503 that touched a cookie, or did not say when to come back. */
  | 'bad-503';

export interface Violation {
  kind: ViolationKind;
  entry: LedgerEntry;
}

/**
 * What a history of answers breaks of the promises. Requests run side by side, so only what ended before another began
 * is earlier; and a request without an answer may have happened or not.
 */
export function findViolations(entries: readonly LedgerEntry[]): Violation[] {
  const sessions = Map.groupBy(
    entries.filter(({ sessionId }) => sessionId !== undefined),
    ({ sessionId }) => sessionId,
  );
  return [...entries.flatMap(checkAnswer), ...[...sessions.values()].flatMap(checkSession), ...findLostOrders(entries)];
}

function checkAnswer(entry: LedgerEntry): Violation[] {
  const { status, seenUserId, userId } = entry;
  const kinds: ViolationKind[] = [];
  if (status === 503 && (entry.setsCookie || !entry.hasRetryAfter)) kinds.push('bad-503');
  if (seenUserId !== undefined && seenUserId !== userId) kinds.push('wrong-user');
  // A login with the right password is never 401, and a logout is 204 also when the session has ended.
  const known = isUnserved(entry) || isConfirmed(entry);
  const ended = status === 401 && needsSession(entry);
  const noOrder = status === 404 && entry.operation === 'find-order';
  if (!known && !ended && !noOrder) kinds.push('unexpected-answer');
  return kinds.map((kind) => ({ kind, entry }));
}

function needsSession({ operation }: LedgerEntry): boolean {
  return ['validate', 'order', 'find-order', 'exchange'].includes(operation);
}

function findLostOrders(entries: readonly LedgerEntry[]): Violation[] {
  const placed = entries.filter((entry) => entry.operation === 'order' && isConfirmed(entry));
  const placedMs = new Map(placed.map(({ orderId, endedAtMs }) => [orderId, endedAtMs]));
  return entries
    .filter(({ operation, status }) => operation === 'find-order' && status === 404)
    .filter(({ orderId, startedAtMs }) => (placedMs.get(orderId) ?? Number.POSITIVE_INFINITY) <= startedAtMs)
    .map((entry) => ({ kind: 'lost-order', entry }));
}

function checkSession(entries: LedgerEntry[]): Violation[] {
  const login = entries.find((entry) => entry.operation === 'login' && isConfirmed(entry));
  const logouts = entries.filter(({ operation }) => operation === 'logout');
  const uses = entries.filter(needsSession);
  const alive = uses.filter(isConfirmed);
  const refused = uses.filter(({ status }) => status === 401);
  const violations: Violation[] = [];

  const logoutAskedMs = Math.min(...logouts.map(({ startedAtMs }) => startedAtMs));
  for (const entry of refused) {
    const known = login !== undefined && login.endedAtMs <= entry.startedAtMs;
    if (!known || logoutAskedMs < entry.endedAtMs) continue;
    const cameBack = alive.some((other) => other.startedAtMs >= entry.endedAtMs);
    violations.push({ kind: cameBack ? 'false-401' : 'lost-login', entry });
  }

  // Once it was logged out, or a logout without an answer was seen to have worked, it has ended for good.
  const ends = [...logouts.filter(isConfirmed), ...refused.filter((entry) => logoutAskedMs < entry.endedAtMs)];
  const endedMs = Math.min(...ends.map(({ endedAtMs }) => endedAtMs));
  for (const entry of alive) {
    if (entry.startedAtMs >= endedMs) violations.push({ kind: 'resurrected-session', entry });
  }
  return violations;
}
