import { HoldfastError } from '@holdfast/session';

/**
 * SQLSTATE classes and codes of a PostgreSQL that is there but can't serve now: connection and authorization trouble,
 * no such database, lack of resources, operator intervention, a standby where the primary should be, a deadlock.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const passingStates = /^(08|28|3D|53|57|58|25006|40)/;
/** Codes of the driver and of the operating system. */
const connectionCodes = /^(CONNECT_|CONNECTION_|E[A-Z_]+$|ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/;

/** Whether the failure is the database's, not the statement's. */
export function isUnavailable(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: string };
  if (typeof code !== 'string') return false;
  return name === 'PostgresError' ? passingStates.test(code) : connectionCodes.test(code);
}

/** There was no connection to begin with, so no statement was sent: refused, silent, starting up (57P03), full (53300). */
export function wasNeverSent(error: unknown): boolean {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return syscall === 'connect' || code === 'CONNECT_TIMEOUT' || code === '57P03' || code === '53300';
}

/**
 * PostgreSQL said that it did not carry out the statement, and would have rolled it back. A connection that ended says nothing of
 * that kind, nor does a server that goes down with it (57P01, 57P02): it may have committed before.
 */
export function wasRefused(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: string };
  return name === 'PostgresError' && typeof code === 'string' && !/^(08|57P01|57P02|40003)/.test(code);
}

/** A change was sent, and no answer came: it may have been committed, and a server that hangs may commit it yet. */
export function outcomeUnknown(cause?: unknown): HoldfastError {
  return new HoldfastError(
    'outcome-unknown',
    'The database was asked to keep the order, and did not answer in time: it may or may not be placed. With the same Idempotency-Key it is safe to send again, and is placed once; without one, look at your orders first.',
    { cause },
  );
}

export function unavailable(cause?: unknown): HoldfastError {
  return new HoldfastError('store-unavailable', 'The orders cannot be reached right now. Try again.', { cause });
}
