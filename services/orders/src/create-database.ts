import { setTimeout as delay } from 'node:timers/promises';
import type { FileSource } from '@holdfast/session';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import postgres, { type Sql } from 'postgres';
import { toConnectOptions } from './connect-options.ts';
import {
  isPoolers,
  isUnavailable,
  outcomeUnknown,
  PoolerError,
  unavailable,
  wasNeverSent,
  wasRefused,
} from './database-errors.ts';
import type { DatabaseTarget } from './parse-database-url.ts';
import { ReplaceablePool } from './replaceable-pool.ts';

export interface DatabaseOptions {
  /** Where it is, which may change: connections are made anew when it does. */
  target: Pick<FileSource<DatabaseTarget>, 'current'>;
  poolSize: number;
  /** Milliseconds that a request waits for PostgreSQL before it is answered 503. */
  timeoutMs: number;
  /** A failure that was answered with 503. */
  onError?: (error: unknown) => void;
  /** It turned out that connections go through a pooler which takes neither a statement timeout nor named statements. */
  onPooler?: (error: Error) => void;
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
  /** Whoever asked has an answer: nothing may begin any more. */
  answered: boolean;
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
  let pooled = false;
  const pool = new ReplaceablePool(
    () => createPool(options, pooled),
    (error) => onError?.(error),
  );
  let lastAnswerAtMs = performance.now();
  /** Since when no connection can be made. */
  let unreachableSinceMs: number | undefined;
  const looks = new WeakMap<Sql, Promise<void>>();
  /** A pooler may be set to ignore what it does not know. Then it would mix up the prepared statements of its clients. */
  const requireOwnConnections = (used: Sql) => {
    const look = looks.get(used) ?? lookAtTimeout(used, timeoutMs);
    looks.set(used, look);
    look.catch(() => looks.delete(used));
    return look;
  };
  const untilSent = async <T>(
    statements: (sql: Sql) => Promise<T>,
    deadlineMs: number,
    state: SendState,
    hold: (used: Sql) => void,
  ): Promise<T> => {
    for (;;) {
      const used = pool.current;
      hold(used);
      try {
        state.mayBeSent = false;
        if (used.options.prepare) await requireOwnConnections(used);
        if (state.answered) throw new Error('it was answered before a connection was found');
        state.mayBeSent = true;
        return await statements(used);
      } catch (error) {
        if (isPoolers(error) && used.options.prepare && !state.answered) {
          // Not carried out: it is asked again in a way that every pooler knows.
          if (!pooled) options.onPooler?.(error as Error);
          pooled = true;
          pool.replace(used);
          continue;
        }
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
    const state: SendState = { mayBeSent: false, answered: false };
    const toError = (cause: unknown) => {
      const unchanged = !writes || !state.mayBeSent || wasRefused(cause);
      return unchanged ? unavailable(cause) : outcomeUnknown(cause);
    };
    const first = pool.current;
    const held: Sql[] = [];
    const hold = (used: Sql) => {
      held.push(used);
      pool.hold(used);
    };
    const startedAtMs = performance.now();
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      state.answered = true;
      // The driver sends what waits for a connection as soon as there is one: also that may happen yet.
      reject(toError(new Error(`no answer within ${timeoutMs} ms`)));
      // Not one answer since: the connections are dead, though nobody said so, and new requests must not wait on them.
      if (lastAnswerAtMs < startedAtMs) pool.replace(first);
    }, timeoutMs);
    try {
      const result = await Promise.race([untilSent(statements, startedAtMs + timeoutMs, state, hold), timeout]);
      lastAnswerAtMs = performance.now();
      unreachableSinceMs = undefined;
      return result;
    } catch (error) {
      // A standby that was the primary once: only a new connection finds the one that is it now.
      if ((error as { code?: unknown }).code === '25006') pool.replace(first);
      throw isUnavailable(error) ? toError(error) : error;
    } finally {
      state.answered = true;
      clearTimeout(timer);
      for (const used of held) pool.release(used);
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
    reconnect: () => pool.replace(pool.current),
    close: () => pool.close(),
  };
}

function createPool({ target, poolSize, timeoutMs }: DatabaseOptions, pooled: boolean): Sql {
  const { connectTimeoutSeconds = Number.POSITIVE_INFINITY, parameters } = target.current;
  const prepare = target.current.prepare && !pooled;
  return postgres({
    ...toConnectOptions(target.current),
    max: poolSize,
    // Seconds, as all times of this driver.
    connect_timeout: Math.min(connectTimeoutSeconds, (timeoutMs * connectShare) / 1000),
    backoff: () => 0.1,
    idle_timeout: 300,
    prepare,
    connection: { ...parameters, ...(prepare ? { statement_timeout: toStatementTimeout(timeoutMs) } : {}) },
  });
}

const toStatementTimeout = (timeoutMs: number) => Math.round(timeoutMs * statementShare);

/** @throws PoolerError where a connection has not got the timeout that it was begun with */
async function lookAtTimeout(pool: Sql, timeoutMs: number): Promise<void> {
  const [row] = await pool.unsafe(`select setting from pg_settings where name = 'statement_timeout'`);
  if (Number(row?.['setting']) !== toStatementTimeout(timeoutMs)) throw new PoolerError();
}
