import { expect } from 'vitest';
import type { WorkloadReport } from './holdfast-release.ts';

/** Every request was answered as it should be, and every session is as it was left. */
export function expectNothingFailed(what: string, report: WorkloadReport): void {
  const { requests, longestGapMs, kept, ended, servedBy, failures, log, lost, cameBack, falseUnauthorized } = report;
  console.log(
    `${what}: ${requests} requests to ${Object.keys(servedBy).length} pods, longest gap ${longestGapMs} ms, ${kept} sessions kept, ${ended} ended, failures ${JSON.stringify(failures)}`,
  );
  // Not toMatchObject, to which any object is like an empty one.
  expect({ failures, lost, cameBack, falseUnauthorized }, log.join('\n')).toEqual({
    failures: {},
    lost: 0,
    cameBack: 0,
    falseUnauthorized: 0,
  });
  expect(requests).toBeGreaterThan(100);
  expect(Math.min(kept, ended)).toBeGreaterThan(0);
}
