import { HoldfastError } from './holdfast-error.ts';
import { type Authentication, toFacts } from './new-session.ts';
import type { PublicPart } from './session-record.ts';
import { type CreatedSessionToken, deriveSessionToken } from './session-token.ts';
import { type Ended, parsePublicPart, toEnded } from './validation.ts';

export interface RotateOptions {
  /** What successors are derived with; never kept in Redis. The first makes new ones, all of them find made ones again. */
  keys: readonly Buffer[];
  /** Only where the newest secret is at least that old; 0 is at once, and the default what `rotateMs` says. */
  minAgeMs?: number;
  /** After a re-authentication: the successor, and only it, is worth that. */
  authentication?: Authentication | undefined;
}

/** `kept`: there is no successor for this token now; it stays as good as it was. */
export type Rotation = { outcome: 'rotated'; token: string; authentication: PublicPart } | { outcome: 'kept' } | Ended;

/** The successors that a token may have, and what `rotate` is to be told of them. */
export function toRotation(token: string, { keys, minAgeMs, authentication }: RotateOptions, rotateMs = 0) {
  const purpose = authentication === undefined ? 'rotate' : 'reauthenticate';
  const candidates = keys.map((key) => deriveSessionToken(token, key, purpose));
  const facts = authentication === undefined ? '' : toFacts(authentication);
  const age = minAgeMs ?? (rotateMs > 0 ? rotateMs : Number.MAX_SAFE_INTEGER);
  return { candidates, args: [age, facts, ...candidates.map(({ secretHash }) => secretHash)] };
}

/**
 * The reply of the function `rotate`: {outcome, hash of the successor, its public part, created}.
 *
 * @throws HoldfastError `rate-limited` for too many re-authentications of one session
 */
export function toRotated(candidates: readonly CreatedSessionToken[], reply: unknown[]): Rotation {
  const [outcome, successorHash, publicPart, createdAtMs] = reply;
  if (outcome === 'kept') return { outcome };
  if (outcome === 'limited') throw rotatedTooOften(Number(reply[1]));
  const successor = candidates.find(({ secretHash }) => secretHash === successorHash);
  if (outcome !== 'rotated' || successor === undefined) return toEnded(reply);
  const authentication = parsePublicPart(publicPart, Number(createdAtMs));
  return { outcome, token: successor.token, authentication };
}

function rotatedTooOften(waitMs: number): HoldfastError {
  const seconds = Math.ceil(waitMs / 1000);
  return new HoldfastError(
    'rate-limited',
    `This session was authenticated again too often. Try again in ${seconds} seconds, or log in again.`,
    { retryAfterSeconds: seconds },
  );
}
