import type { PublicPart, Session } from './session-record.ts';
import type { ParsedSessionToken } from './session-token.ts';
import { toStoreError } from './store-errors.ts';

/** What came of a validation. All but `active` are final; a store that can't answer throws instead. */
export type Validation<S extends Session = Session> = ActiveValidation<S> | Ended;

export type ActiveValidation<S extends Session = Session> = { outcome: 'active'; session: S } & Findings;

/** What a validation found besides the session. */
export interface Findings {
  /** Whether {@link SessionStore.touch} has something to write. */
  touchDue: boolean;
  /** The secret's hash, when it was never used before: `touch` is to be told. */
  firstUse: string | undefined;
  /** What auth may do about the secret: `note` that a successor is in use, `offer` a successor. */
  rotation: 'none' | 'note' | 'offer';
  /** The store's clock. */
  nowMs: number;
  /** No rotation is under way: as long as the record does not change, this secret stays as good as it is. */
  settled: boolean;
}

/** Why a session is not there any more. */
export type Ended =
  | { outcome: 'unknown' }
  | { outcome: 'expired-idle' }
  | { outcome: 'expired-absolute' }
  | { outcome: 'revoked'; reason: string }
  /** A secret came back after its successor had long been in use. */
  | { outcome: 'reused' };

/** The fields as `validate` and `list` give them: public part, created, seen, idle, absolute. */
export function toSession(id: string, fields: unknown[]): Session {
  const createdAtMs = Number(fields[1]);
  const { userId, roles, amr, authenticatedAtMs } = parsePublicPart(fields[0], createdAtMs);
  const [idleMs, absoluteExpiresAtMs] = [Number(fields[3]), Number(fields[4])];
  const lastSeenAtMs = toLastSeen(fields[2], createdAtMs, absoluteExpiresAtMs);
  return {
    id,
    userId,
    roles,
    amr,
    authenticatedAtMs,
    createdAtMs,
    lastSeenAtMs,
    idleExpiresAtMs: Math.min(lastSeenAtMs + idleMs, absoluteExpiresAtMs),
    absoluteExpiresAtMs,
  };
}

/** Validators write it, and a library of an earlier release passes on whatever they wrote. */
function toLastSeen(value: unknown, createdAtMs: number, absoluteExpiresAtMs: number): number {
  const lastSeenAtMs = Number(value);
  return lastSeenAtMs >= 0 ? Math.min(lastSeenAtMs, absoluteExpiresAtMs) : createdAtMs;
}

/**
 * The public part: user id, roles, amr, and when that was proved, counted from `created`; as JSON, as it is in a record, or
 * parsed already.
 */
export function parsePublicPart(part: unknown, createdAtMs: number): PublicPart {
  const [userId, roles, amr, sinceCreatedMs] = (Array.isArray(part) ? part : parseReply(`[${part}]`)) as PublicParts;
  return { userId, roles, amr, authenticatedAtMs: createdAtMs + sinceCreatedMs };
}

type PublicParts = [userId: string, roles: string[], amr: string[], sinceCreatedMs: number];

/** @throws HoldfastError `store-unavailable` for what is no JSON: another replica may be able to read it */
export function parseReply(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw toStoreError(error);
  }
}

const rotations = { 1: 'note', 2: 'offer' } as const;

/** The reply of the function `validate` as a {@link Validation}. An older library's reply ends earlier. */
export function toValidation<S extends Session>(
  { secretHash }: ParsedSessionToken,
  reply: unknown[],
  read: (fields: unknown[]) => S,
): Validation<S> {
  const [outcome, ...fields] = reply;
  if (outcome !== 'active') return toEnded(reply);
  const firstUse = Number(fields[9]) === 1 ? secretHash : undefined;
  return {
    outcome,
    session: read(fields),
    touchDue: Number(fields[5]) === 1 || firstUse !== undefined,
    firstUse,
    rotation: rotations[Number(fields[10]) as 1 | 2] ?? 'none',
    nowMs: Number(fields[8] ?? Date.now()),
    settled: Number(fields[11]) === 1,
  };
}

/**
 * Whether a function's reply is one that a primary with a successor might give of a session that lives: it began there, or was
 * last used there. Then it counts only with the proof that the primary has none.
 */
export const needsProof = (reply: unknown): boolean =>
  Array.isArray(reply) && (reply[0] === 'unknown' || reply[0] === 'expired-idle');

/** The reply of `validate` or `rotate` that there is no live session. */
export function toEnded([outcome, reason]: unknown[]): Ended {
  switch (outcome) {
    case 'unknown':
    case 'expired-idle':
    case 'expired-absolute':
      return { outcome };
    case 'ended':
      if (reason === 'expired-idle' || reason === 'reused') return { outcome: reason };
      return { outcome: 'revoked', reason: String(reason) };
    default:
      // A record or a function library from a newer release, met in a rolling upgrade: another replica can read it.
      throw toStoreError(new Error(`Redis answered ${String(outcome)}: this service is older than the record`));
  }
}
