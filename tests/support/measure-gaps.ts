import { isConfirmed, type LedgerEntry, type Operation } from './ledger.ts';

export interface Gaps {
  /** The longest time without a confirmed validation, in milliseconds. */
  readMs: number;
  /** The longest time without a confirmed login or logout. */
  writeMs: number;
}

export function measureGaps(entries: readonly LedgerEntry[]): Gaps {
  return { readMs: longestGapMs(entries, ['validate']), writeMs: longestGapMs(entries, ['login', 'logout']) };
}

/** From the first request of that kind, confirmed or not, to the last. */
function longestGapMs(entries: readonly LedgerEntry[], operations: readonly Operation[]): number {
  const relevant = entries.filter(({ operation }) => operations.includes(operation));
  const begin = Math.min(...relevant.map(({ startedAtMs }) => startedAtMs));
  const end = Math.max(...relevant.map(({ endedAtMs }) => endedAtMs));
  const confirmed = relevant.filter(isConfirmed).map(({ endedAtMs }) => endedAtMs);
  const moments = [begin, ...confirmed.sort((a, b) => a - b), end];
  return relevant.length === 0
    ? 0
    : Math.max(...moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment)));
}

/** One line for the log of a test. */
export function describeLedger(entries: readonly LedgerEntry[]): string {
  const { readMs, writeMs } = measureGaps(entries);
  const count = (operation: Operation) => {
    const all = entries.filter((entry) => entry.operation === operation);
    return `${all.filter(isConfirmed).length}/${all.length} ${operation}s`;
  };
  const unanswered = entries.filter(({ status }) => status === undefined).length;
  const refused = entries.filter(({ status }) => status === 503).length;
  return (
    `confirmed ${count('login')}, ${count('validate')}, ${count('order')}, ${count('logout')}; ${refused} answered 503, ${unanswered} not answered; ` +
    `longest gap ${Math.round(readMs)} ms for reads, ${Math.round(writeMs)} ms for writes`
  );
}
