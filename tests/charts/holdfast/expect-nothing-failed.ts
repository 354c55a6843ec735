import { expect } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { isUnserved, type LedgerEntry } from '../../support/ledger.ts';
import { describeLedger } from '../../support/measure-gaps.ts';

/** Every request was answered as it should be, and every session is as it was left. */
export function expectNothingFailed(what: string, entries: readonly LedgerEntry[]): void {
  const pods = new Set(entries.filter(({ status }) => status !== undefined).map(({ target }) => target));
  console.log(`${what}: ${entries.length} requests to ${pods.size} pods; ${describeLedger(entries)}`);
  const failures = [
    ...entries.filter(isUnserved).map((entry) => describe('not served', entry)),
    ...findViolations(entries).map(({ kind, entry }) => describe(kind, entry)),
  ];
  expect(failures).toEqual([]);
  for (const operation of ['login', 'logout', 'order', 'use-jwt'])
    expect(entries.filter((entry) => entry.operation === operation).length, `${operation}s`).toBeGreaterThan(5);
}

function describe(
  kind: string,
  { operation, target, startedAtMs, endedAtMs, status, code, failure }: LedgerEntry,
): string {
  const answer = [status ?? 'no answer', code, failure].filter((part) => part !== undefined).join(' ');
  return `${new Date(startedAtMs).toISOString()} ${kind}: ${operation} at ${target}, ${answer} after ${Math.round(endedAtMs - startedAtMs)} ms`;
}
