import { isConfirmed, type LedgerEntry, type Operation } from './ledger.ts';

export interface Gaps {
  /** The longest time without a confirmed validation, in milliseconds. */
  readMs: number;
  /** The longest time without a confirmed login or logout. */
  writeMs: number;
  /** The longest time in which no service answered that it lives, which asks no Redis; undefined where nobody asked. */
  pingMs: number | undefined;
}

export interface Gap {
  fromMs: number;
  toMs: number;
}

const operationsOf = { read: ['validate'], write: ['login', 'logout'], ping: ['ping'] } as const satisfies Record<
  string,
  Operation[]
>;

export function measureGaps(entries: readonly LedgerEntry[]): Gaps {
  const [readMs, writeMs, pingMs] = (['read', 'write', 'ping'] as const).map((kind) => {
    const { fromMs, toMs } = findLongestGap(entries, kind);
    return toMs - fromMs;
  }) as [number, number, number];
  return { readMs, writeMs, pingMs: entries.some(({ operation }) => operation === 'ping') ? pingMs : undefined };
}

/** From the first request of that kind, confirmed or not, to the last. */
export function findLongestGap(entries: readonly LedgerEntry[], kind: keyof typeof operationsOf): Gap {
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
