import type { PublicPart, Session } from './session-record.ts';
import { toStoreError } from './store-errors.ts';

/** What came of a validation. All but `active` are final; a store that can't answer throws instead. */
export type Validation<S extends Session = Session> =
  | { outcome: 'active'; session: S; touchDue: boolean }
  | { outcome: 'unknown' }
  | { outcome: 'expired-idle' }
  | { outcome: 'expired-absolute' }
  | { outcome: 'revoked'; reason: string };

/** The fields as `validate` and `list` give them: public part, created, seen, idle, absolute. */
export function toSession(id: string, fields: unknown[]): Session {
  const { userId, roles, amr, authenticatedAtMs } = parsePublicPart(String(fields[0]));
  const [createdAtMs, lastSeenAtMs, idleMs, absoluteExpiresAtMs] = fields.slice(1, 5).map(Number) as Times;
  return {
    id,
    userId,
    roles,
    amr,
    authenticatedAtMs,
    createdAtMs,
    lastSeenAtMs,
    idleExpiresAtMs: Math.min(lastSeenAtMs + idleMs, absoluteExpiresAtMs),
    absoluteExpiresAtMs,
  };
}

function parsePublicPart(json: string): PublicPart {
  try {
    return JSON.parse(json) as PublicPart;
  } catch (error) {
    throw toStoreError(error);
  }
}

type Times = [number, number, number, number];

/** The reply of the function `validate` as a {@link Validation}. */
export function toValidation<S extends Session>(reply: unknown[], read: (fields: unknown[]) => S): Validation<S> {
  const [outcome, ...fields] = reply;
  switch (outcome) {
    case 'active':
      return { outcome, session: read(fields), touchDue: fields[5] === 1 };
    case 'unknown':
    case 'expired-idle':
    case 'expired-absolute':
      return { outcome };
    case 'ended':
      return fields[0] === 'expired-idle'
        ? { outcome: 'expired-idle' }
        : { outcome: 'revoked', reason: String(fields[0]) };
    default:
      // A record or a function library from a newer release, met in a rolling upgrade: another replica can read it.
      throw toStoreError(new Error(`validate answered ${String(outcome)}: this service is older than the record`));
  }
}
