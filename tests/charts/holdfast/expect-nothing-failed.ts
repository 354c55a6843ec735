import { expect } from 'vitest';
import { findViolations } from '../../support/find-violations.ts';
import { describeAnswer, isUnserved, type LedgerEntry } from '../../support/ledger.ts';
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

function describe(kind: string, entry: LedgerEntry): string {
  const { operation, target, startedAtMs, endedAtMs, detail } = entry;
  return `${new Date(startedAtMs).toISOString()} ${kind}: ${operation} at ${target}, ${describeAnswer(entry)} after ${Math.round(endedAtMs - startedAtMs)} ms${detail === undefined ? '' : `: ${detail}`}`;
}
