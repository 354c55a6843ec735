/**
 * The largest limit of live sessions per user. One call of Redis reads and ends only so many sessions that it takes less
 * than 5 ms; `functions/holdfast.lua` has this number, too.
 */
export const MOST_SESSIONS_PER_USER = 200;

export const DEFAULT_SESSIONS_PER_USER = 100;

/** @throws RangeError */
export function requireSessionLimit(maxPerUser: number): number {
  if (Number.isInteger(maxPerUser) && maxPerUser >= 1 && maxPerUser <= MOST_SESSIONS_PER_USER) return maxPerUser;
  throw new RangeError(`maxPerUser must be a whole number from 1 to ${MOST_SESSIONS_PER_USER}`);
}
