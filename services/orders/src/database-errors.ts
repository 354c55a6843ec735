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

/** Something between us and PostgreSQL keeps what a connection begins with to itself. */
export class PoolerError extends Error {
  override readonly name = 'PoolerError';

  constructor() {
    super('the connection has not got the statement_timeout that it was begun with');
  }
}

/**
 * What a pooler between us and PostgreSQL says: that it does not take a parameter at the start of a connection, or that a
 * statement is not prepared on the connection that it chose this time, or is already. The statement was not carried out.
 *
 * @see https://www.pgbouncer.org/config.html#ignore_startup_parameters
 */
export function isPoolers(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: string };
  if (error instanceof PoolerError) return true;
  return code === '26000' || code === '42P05' || (code === '08P01' && /startup parameter/.test(message ?? ''));
}

/**
 * PostgreSQL is there and does not take us: a wrong password (28), no such database (3D), no right (42501), no such table
 * (42P01), a parameter it does not know. Time does not mend it.
 */
export function isRefusal(error: unknown): boolean {
  const { code, name, cause } = error as { code?: unknown; name?: string; cause?: unknown };
  if (name === 'PostgresError' && /^(28|3D|42501|42P01|42704|22023)/.test(String(code))) return true;
  return cause !== undefined && isRefusal(cause);
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
