import type { Results, Sample } from './results.ts';

export interface Ratio {
  text: string;
  /** undefined where the run did not measure it. */
  value: number | undefined;
  bound: number;
  atLeast: boolean;
  reached: boolean;
}

/** How long one call of a function may keep Redis busy, whatever the user has. */
const LONGEST_CALL_MS = 5;

/** The bounds of this benchmark: what a change must not lose. */
export function checkRatios(results: Results): Ratio[] {
  const median = (load: string, arm: string, what: keyof Sample) =>
    results.loads.find((entry) => entry.load === load)?.rows.find((row) => row.arm === arm)?.[what].median;
  const cost = (load: string, arm: string) =>
    results.loads.find((entry) => entry.load === load)?.costs.find((entry) => entry.arm === arm);
  const over = (a: number | undefined, b: number | undefined) => (a === undefined || !b ? undefined : a / b);
  const hot = (arm: string, what: keyof Sample) => median('hot', arm, what);
  const express = 'express-session';
  const direct = 'requestsPerSecond';
  return [
    ratio('requests/s ÷ express-session', over(hot('holdfast', direct), hot(express, direct)), 2.5, true),
    ratio('p99 ÷ express-session', over(hot('holdfast', 'p99Ms'), hot(express, 'p99Ms')), 0.5, false),
    ratio('requests/s ÷ bare Hono', over(hot('holdfast', direct), hot('bare-hono', direct)), 0.5, true),
    ratio('local cache ÷ bare Hono', over(hot('holdfast-cached', direct), hot('bare-hono', direct)), 0.85, true),
    ratio('round trips per validation', cost('hot', 'holdfast')?.roundTrips, 1, false),
    ratio('writes per session and minute', cost('hot', 'holdfast')?.writes, 1, false),
    ratio('commands for a malformed token', cost('malformed', 'holdfast')?.commands, 0, false),
    ratio('bytes per session', bytesPerSession(results), 450, false),
    ratio(
      'p50 ÷ express-session, Redis 5 ms away',
      over(median('hot-delay-5', 'holdfast', 'p50Ms'), median('hot-delay-5', express, 'p50Ms')),
      0.55,
      false,
    ),
    // Redis does one thing after the other: a validation may have to wait for one call of that user, and for no more.
    ratio(
      "others' p99 beside a user at the limit, ms more",
      results.greedyUser?.others[0]?.moreMs.median,
      LONGEST_CALL_MS,
      false,
    ),
    ratio('longest call at the limit, ms', longestCallMs(results), LONGEST_CALL_MS, false),
  ];
}

/** Of users who have one session each: with more they are smaller. */
const bytesPerSession = ({ growth, bytesPerSession: seeded }: Results) =>
  growth?.findLast(({ sessionsPerUser }) => sessionsPerUser === 1)?.bytesPerSession ?? seeded['holdfast'];

/** The median of the rounds: a moment in which the machine stood still is in the longest call of one of them. */
function longestCallMs({ greedyUser }: Results): number | undefined {
  if (!greedyUser) return undefined;
  return Math.max(...greedyUser.calls.map(({ longestMicros }) => longestMicros.median)) / 1000;
}

function ratio(text: string, value: number | undefined, bound: number, atLeast: boolean): Ratio {
  const rounded = value === undefined ? undefined : Math.round(value * 100) / 100;
  const reached = rounded === undefined || (atLeast ? rounded >= bound : rounded <= bound);
  return { text, value: rounded, bound, atLeast, reached };
}

/** All of them on one line. */
export function describeRatios(ratios: readonly Ratio[]): string {
  return ratios
    .filter(({ value }) => value !== undefined)
    .map(
      ({ text, value, bound, atLeast, reached }) =>
        `${text} ${value} (${atLeast ? '≥' : '≤'} ${bound}${reached ? '' : ', MISSED'})`,
    )
    .join('; ');
}
