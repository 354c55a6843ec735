import { findViolations, type Violation } from '../../support/find-violations.ts';
import { describeAnswer, isConfirmed, isUnserved, type LedgerEntry } from '../../support/ledger.ts';
import { measureGaps } from '../../support/measure-gaps.ts';
import type { PodState } from './drill-event.ts';
import type { Limits, Observed, Scenario } from './scenario.ts';

/** `broken`: an answer was a lie. `slow`: all were true, and later than promised. `unclear`: the fault did not do what it should. */
export type Verdict = 'held' | 'slow' | 'broken' | 'unclear';

export interface Judgement {
  readonly verdict: Verdict;
  /** Why it is not `held`, one line each. */
  readonly reasons: readonly string[];
  readonly violations: readonly Violation[];
  /** Milliseconds, as {@link Limits}; undefined where it was not measured. */
  readonly measured: { readonly [Limit in keyof Limits]-?: number | undefined };
  readonly requests: number;
  /** The longest time in which no service answered a request that asks no Redis: what the machine or the network owes. */
  readonly pingMs: number | undefined;
}

export interface Evidence extends Observed {
  readonly faultAtMs: number;
  /** When the clients were told to end; what they ask after that is a last look, which measures nothing. */
  readonly endedAtMs: number;
  readonly podStates: readonly PodState[];
  readonly problem: string | undefined;
}

/** The verdict over every answer of a drill. Gaps are those of clients that the fault did not cut off. */
export function judgeDrill(scenario: Pick<Scenario, 'limits' | 'judge'>, evidence: Evidence): Judgement {
  const { entries, insideEntries, problem } = evidence;
  const violations = findViolations([...entries, ...insideEntries]);
  const findings = scenario.judge?.(evidence) ?? [];
  const { readMs, writeMs, pingMs } = measureGaps(
    entries.filter(({ startedAtMs }) => startedAtMs < evidence.endedAtMs),
  );
  const unserved = entries.filter(isUnserved);
  const measured = {
    readMs,
    writeMs,
    unserved: unserved.length,
    afterRunningMs: measureAfterRunning(evidence),
  };
  const kinds = Map.groupBy(violations, ({ kind }) => kind);
  const lies = [...kinds].map(
    ([kind, all]) => `${all.length} × ${kind}${describeAnswers(all.map(({ entry }) => entry))}`,
  );
  const broken = [...lies, ...findings];
  const slow = Object.entries(scenario.limits).flatMap(([limit, most]) => {
    const is = measured[limit as keyof Limits];
    if (is === undefined || is <= most) return [];
    return [describeExcess(limit as keyof Limits, is, most) + (limit === 'unserved' ? describeAnswers(unserved) : '')];
  });
  const unclear = problem === undefined ? [] : [problem];
  const verdict = broken.length > 0 ? 'broken' : unclear.length > 0 ? 'unclear' : slow.length > 0 ? 'slow' : 'held';
  const requests = entries.length + insideEntries.length;
  return { verdict, reasons: [...broken, ...unclear, ...slow], violations, measured, requests, pingMs };
}

/** What was asked and answered in these, such as ` (login: 429 rate-limited)`. */
function describeAnswers(entries: readonly LedgerEntry[]): string {
  const answers = entries.map((entry) => `${entry.operation}: ${describeAnswer(entry)}`);
  return ` (${[...new Set(answers)].join(', ')})`;
}

/** From the last time that a Redis pod began to run to the next confirmed write. */
function measureAfterRunning({ entries, faultAtMs, podStates }: Evidence): number | undefined {
  const begun = podStates.filter(
    ({ pod, state, atMs }) => /-redis-\d+$/.test(pod) && state === 'running' && atMs > faultAtMs,
  );
  const runningMs = Math.max(...begun.map(({ atMs }) => atMs));
  const served = entries.filter(
    (entry) => isConfirmed(entry) && (entry.operation === 'login' || entry.operation === 'logout'),
  );
  const next = Math.min(...served.map(({ endedAtMs }) => endedAtMs).filter((endedAtMs) => endedAtMs > runningMs));
  return Number.isFinite(runningMs) && Number.isFinite(next) ? next - runningMs : undefined;
}

export const limitNames: Readonly<Record<keyof Limits, string>> = {
  readMs: 'without a confirmed read',
  writeMs: 'without a confirmed write',
  afterRunningMs: 'from running pods to a confirmed write',
  unserved: 'requests with 503 or no answer',
};

/** An amount with its unit. */
export function describeMeasure(measure: keyof Limits, amount: number): string {
  return measure === 'unserved' ? String(amount) : `${(amount / 1000).toFixed(2)} s`;
}

function describeExcess(limit: keyof Limits, is: number, most: number): string {
  return `${describeMeasure(limit, is)} ${limitNames[limit]}, where ${describeMeasure(limit, most)} is promised`;
}
