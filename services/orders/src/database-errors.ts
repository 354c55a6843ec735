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

export function unavailable(cause?: unknown): HoldfastError {
  return new HoldfastError('store-unavailable', 'The orders cannot be reached right now. Try again.', { cause });
}
