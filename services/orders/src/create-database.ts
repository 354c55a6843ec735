import { setTimeout as delay } from 'node:timers/promises';
import type { FileSource } from '@holdfast/session';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import postgres, { type Sql } from 'postgres';
import { isUnavailable, outcomeUnknown, unavailable, wasNeverSent, wasRefused } from './database-errors.ts';

export interface DatabaseOptions {
  /** The URL, which may change: connections are made anew when it does. */
  url: Pick<FileSource<string>, 'current'>;
  poolSize: number;
  /** Milliseconds that a request waits for PostgreSQL before it is answered 503. */
  timeoutMs: number;
  /** A failure that was answered with 503. */
  onError?: (error: unknown) => void;
}

export interface Database {
  /**
   * Runs statements within {@link DatabaseOptions.timeoutMs}, whatever state PostgreSQL or the network is in. Where there is no
   * connection for one, and there was none for a moment only, it begins again: so what has an effect comes last.
   *
   * @param operation for the span, such as `insert order`
   * @throws HoldfastError `store-unavailable`
   */
  run<T>(operation: string, statements: (sql: Sql) => Promise<T>): Promise<T>;
  /**
   * As {@link Database.run}, for statements of which the last one changes something.
   *
   * @throws HoldfastError `store-unavailable` when nothing was changed, `outcome-unknown` when that can't be told
   */
  write<T>(operation: string, statements: (sql: Sql) => Promise<T>): Promise<T>;
  /** Makes new connections from now on, and lets the old ones end. */
  reconnect(): void;
  close(): Promise<void>;
}

/** Whether a statement is with the driver, which sends it as soon as it can. */
interface SendState {
  mayBeSent: boolean;
}

/** What a server that is there may take of that for one statement: not all, so that a slow one is no dead one. */
const statementShare = 0.625;
/** And what a connection may take to be made. */
const connectShare = 0.75;
const RETRY_MS = 50;

const tracer = trace.getTracer('@holdfast/orders');

/** Connections to PostgreSQL that fail fast and come back by themselves. Makes none until it is used. */
export function createDatabase(options: DatabaseOptions): Database {
  const { timeoutMs, onError } = options;
  let pool = createPool(options);
  let lastAnswerAtMs = performance.now();
  /** Since when no connection can be made. */
  let unreachableSinceMs: number | undefined;
  const replace = (old: Sql) => {
    if (pool !== old) return;
    pool = createPool(options);
    old.end({ timeout: 2 }).catch(() => {});
  };
  const untilSent = async <T>(
    statements: (sql: Sql) => Promise<T>,
    deadlineMs: number,
    state: SendState,
  ): Promise<T> => {
    for (;;) {
      try {
        state.mayBeSent = true;
        return await statements(pool);
      } catch (error) {
        if (!wasNeverSent(error)) throw error;
        state.mayBeSent = false;
        const nowMs = performance.now();
        unreachableSinceMs ??= nowMs;
        // In an outage nobody waits: who was out of reach for as long as a request may take is gone.
        const gone = nowMs - unreachableSinceMs >= timeoutMs;
        if (gone || nowMs + RETRY_MS >= deadlineMs) throw error;
        await delay(RETRY_MS);
        // Nothing may begin once the answer has been given.
        if (performance.now() >= deadlineMs) throw error;
      }
    }
  };
  const attempt = async <T>(statements: (sql: Sql) => Promise<T>, writes: boolean): Promise<T> => {
    const state: SendState = { mayBeSent: false };
    const toError = (cause: unknown) => {
      const unchanged = !writes || !state.mayBeSent || wasRefused(cause);
      return unchanged ? unavailable(cause) : outcomeUnknown(cause);
    };
    const used = pool;
    const startedAtMs = performance.now();
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      // Not one answer since: the connections are dead, though nobody said so, and new requests must not wait on them.
      if (lastAnswerAtMs < startedAtMs) replace(used);
      // The driver sends what waits for a connection as soon as there is one: also that may happen yet.
      reject(toError(new Error(`no answer within ${timeoutMs} ms`)));
    }, timeoutMs);
    try {
      const result = await Promise.race([untilSent(statements, startedAtMs + timeoutMs, state), timeout]);
      lastAnswerAtMs = performance.now();
      unreachableSinceMs = undefined;
      return result;
    } catch (error) {
      // A standby that was the primary once: only a new connection finds the one that is it now.
      if ((error as { code?: unknown }).code === '25006') replace(used);
      throw isUnavailable(error) ? toError(error) : error;
    } finally {
      clearTimeout(timer);
    }
  };
  const traced = async <T>(operation: string, statements: (sql: Sql) => Promise<T>, writes: boolean): Promise<T> => {
    const span = tracer.startSpan(operation, {
      kind: SpanKind.CLIENT,
      attributes: { 'db.system.name': 'postgresql', 'db.operation.name': operation },
    });
    try {
      return await attempt(statements, writes);
    } catch (error) {
      onError?.(error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  };
  return {
    run: (operation, statements) => traced(operation, statements, false),
    write: (operation, statements) => traced(operation, statements, true),
    reconnect: () => replace(pool),
    close: () => pool.end({ timeout: 5 }),
  };
}

function createPool({ url, poolSize, timeoutMs }: DatabaseOptions): Sql {
  return postgres(url.current, {
    max: poolSize,
    // Seconds, as all times of this driver.
    connect_timeout: (timeoutMs * connectShare) / 1000,
    backoff: () => 0.1,
    idle_timeout: 300,
    keep_alive: 15,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: 'holdfast-orders', statement_timeout: Math.round(timeoutMs * statementShare) },
  });
}
