import { describeMeasure } from './judge-drill.ts';
import type { DrillRecord } from './run-drill.ts';

/** The verdict and the figures of a drill, in two lines. */
export function describeOutcome({ judgement }: DrillRecord): string {
  const { verdict, reasons, measured, requests, violations, pingMs } = judgement;
  const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`;
  const after =
    measured.afterRunningMs === undefined
      ? ''
      : `, ${describeMeasure('afterRunningMs', measured.afterRunningMs)} after the pods ran`;
  const ping = pingMs === undefined ? '' : ` (${describeMeasure('readMs', pingMs)} for requests that ask no Redis)`;
  return `  ${verdict}${why}\n  ${requests} requests, ${violations.length} violations, ${measured.unserved} with 503 or no answer; longest gap ${describeMeasure('writeMs', measured.writeMs ?? 0)} for writes, ${describeMeasure('readMs', measured.readMs ?? 0)} for reads${ping}${after}`;
}

/** What happened during a drill, a line each, with seconds from the fault on. */
export function describeEvents({ events, faultAtMs }: DrillRecord): string {
  return events
    .map(({ atMs, kind, text }) => {
      const seconds = ((atMs - faultAtMs) / 1000).toFixed(2);
      return `  ${seconds.padStart(7)} s  ${kind.padEnd(9)} ${text}`;
    })
    .join('\n');
}
