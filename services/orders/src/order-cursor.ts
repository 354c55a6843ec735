import { HoldfastError } from '@holdfast/session';

/** The last order of a page: the next page begins after it. */
export interface OrderPosition {
  createdAtMs: number;
  id: string;
}

/** The end of the year 9999: later ones have a sign and five digits in ISO 8601, which PostgreSQL does not read. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const pattern = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export function formatCursor({ createdAtMs, id }: OrderPosition): string {
  return Buffer.from(`${createdAtMs}.${id}`).toString('base64url');
}

/** @throws HoldfastError `invalid-request` for what {@link formatCursor} did not make */
export function parseCursor(cursor: string): OrderPosition {
  const match = pattern.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  const createdAtMs = Number(match?.[1]);
  const id = match?.[2];
  if (id === undefined || createdAtMs > LAST_MS) {
    throw new HoldfastError('invalid-request', 'The cursor must be the nextCursor of an earlier reply, unchanged.');
  }
  return { createdAtMs, id };
}
