import { isConfirmed, type LedgerEntry, type Operation } from './ledger.ts';

export interface Gaps {
  /** The longest time without a confirmed validation, in milliseconds. */
  readMs: number;
  /** The longest time without a confirmed login or logout. */
  writeMs: number;
}

export interface Gap {
  fromMs: number;
  toMs: number;
}

const operationsOf = { read: ['validate'], write: ['login', 'logout'] } as const satisfies Record<string, Operation[]>;

export function measureGaps(entries: readonly LedgerEntry[]): Gaps {
  const [read, write] = [findLongestGap(entries, 'read'), findLongestGap(entries, 'write')];
  return { readMs: read.toMs - read.fromMs, writeMs: write.toMs - write.fromMs };
}

/** From the first request of that kind, confirmed or not, to the last. */
export function findLongestGap(entries: readonly LedgerEntry[], kind: 'read' | 'write'): Gap {
  const operations: readonly Operation[] = operationsOf[kind];
  const relevant = entries.filter(({ operation }) => operations.includes(operation));
  if (relevant.length === 0) return { fromMs: 0, toMs: 0 };
  const begin = relevant.reduce((least, { startedAtMs }) => Math.min(least, startedAtMs), Number.POSITIVE_INFINITY);
  const end = relevant.reduce((most, { endedAtMs }) => Math.max(most, endedAtMs), 0);
  const confirmed = relevant.filter(isConfirmed).map(({ endedAtMs }) => endedAtMs);
  const moments = [begin, ...confirmed.sort((a, b) => a - b), end];
  let longest: Gap = { fromMs: begin, toMs: begin };
  for (const [index, toMs] of moments.entries()) {
    const fromMs = moments[index - 1] ?? toMs;
    if (toMs - fromMs > longest.toMs - longest.fromMs) longest = { fromMs, toMs };
  }
  return longest;
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
