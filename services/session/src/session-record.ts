/** What every service may know of a session. Times are milliseconds since 1970 by the store's clock. */
export interface Session {
  /** Public handle: safe in lists, logs and as a JWT's `sid`. */
  id: string;
  userId: string;
  roles: readonly string[];
  /** Authentication methods, by their names in RFC 8176. */
  amr: readonly string[];
  authenticatedAtMs: number;
  createdAtMs: number;
  lastSeenAtMs: number;
  /** `lastSeenAtMs` plus the idle timeout: when it ends if nobody uses it. */
  idleExpiresAtMs: number;
  /** When it ends however much it is used. */
  absoluteExpiresAtMs: number;
}

/** Where a session was begun, as far as the client told. */
export interface Device {
  userAgent: string;
  ip: string;
}

export interface SessionWithDevice extends Session {
  device: Device;
}

/** Why a caller ends a session before its time. */
export type RevokeReason =
  | 'logout'
  | 'signed-out-elsewhere'
  | 'signed-in-again'
  | 'ended-by-admin'
  | 'ended-by-provider'
  | 'not-durable';

/** The part of a record that is JSON in Redis, written by auth and read by every service. */
export interface PublicPart {
  userId: string;
  roles: string[];
  amr: string[];
  authenticatedAtMs: number;
}

/**
 * What a session looks like in an answer. Times are ISO 8601.
 * @param currentId the id of the session that asks
 */
export function toSessionView(session: SessionWithDevice, currentId: string) {
  const iso = (timeMs: number) => new Date(timeMs).toISOString();
  return {
    id: session.id,
    userId: session.userId,
    roles: [...session.roles],
    createdAt: iso(session.createdAtMs),
    lastSeenAt: iso(session.lastSeenAtMs),
    idleExpiresAt: iso(session.idleExpiresAtMs),
    absoluteExpiresAt: iso(session.absoluteExpiresAtMs),
    current: session.id === currentId,
    device: session.device,
  };
}
