/**
 * `exchange` asks auth for a JWT in place of a session, `use-jwt` is let in by one, which needs no Redis and outlives its session;
 * `ping` asks a service whether it lives, which needs neither.
 */
export type Operation = 'login' | 'validate' | 'order' | 'find-order' | 'logout' | 'exchange' | 'use-jwt' | 'ping';

/** One request of a workload and what came of it. Times are milliseconds of one monotonic clock. */
export interface LedgerEntry {
  operation: Operation;
  /** Which of the workload's clients asked; each has one request under way. */
  worker: number;
  /** Whose session it is; the client's own user where none is asked for. */
  userId: string;
  /** The session's id; a login that was not answered has none. */
  sessionId?: string;
  /** The order that was placed, or asked for. */
  orderId?: string;
  /** The replica that was asked; where a Service chooses it, the one that answered. */
  target: string;
  startedAtMs: number;
  endedAtMs: number;
  /** undefined when no answer came: what was asked may have happened or not. */
  status: number | undefined;
  /** Why no answer came, by the code of the error. */
  failure?: string;
  /** Of the problem that was answered. */
  code?: string;
  /** What it said. */
  detail?: string;
  /** Whose session the answer says it is. */
  seenUserId?: string;
  /** Whether the answer set or cleared a cookie. */
  setsCookie?: boolean;
  /** Whether a 503 said when to come back. */
  hasRetryAfter?: boolean;
}

/** Everything a workload asked, in the order the answers came. */
export class Ledger {
  readonly entries: LedgerEntry[] = [];
  readonly #onEntry: (entry: LedgerEntry) => void;

  constructor(onEntry: (entry: LedgerEntry) => void = () => {}) {
    this.#onEntry = onEntry;
  }

  add(entry: LedgerEntry): void {
    this.entries.push(entry);
    this.#onEntry(entry);
  }

  /** How many operations were confirmed since then. */
  countConfirmed(operation: Operation, sinceMs = 0): number {
    return this.entries.filter(
      (entry) => entry.operation === operation && entry.startedAtMs >= sinceMs && isConfirmed(entry),
    ).length;
  }
}

const confirmations: Record<Operation, readonly number[]> = {
  login: [201],
  validate: [200],
  // 200: an earlier request with the same key placed it.
  order: [201, 200],
  'find-order': [200],
  logout: [204],
  exchange: [200],
  'use-jwt': [200],
  ping: [200],
};

/** Whether the answer promises that what was asked has happened. */
export function isConfirmed({ operation, status }: LedgerEntry): boolean {
  return status !== undefined && confirmations[operation].includes(status);
}

/** 503, or no answer: an outage, which says nothing about a session. */
export function isUnserved({ status }: Pick<LedgerEntry, 'status'>): boolean {
  return status === undefined || status === 503;
}

/** Such as `429 rate-limited`, or `no answer UND_ERR_SOCKET`. */
export function describeAnswer({ status, code, failure }: LedgerEntry): string {
  return [status ?? 'no answer', code, failure].filter((part) => part !== undefined).join(' ');
}
