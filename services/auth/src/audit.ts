import { requestLog } from '@holdfast/runtime';
import { isUnconfirmed } from '@holdfast/session';
import type { Context } from 'hono';

/** What happened to accounts and sessions, for whoever has to reconstruct it later (OWASP Logging Cheat Sheet). */
export type AuditEvent =
  | 'login-ok'
  | 'login-failed'
  | 'login-limited'
  | 'logout'
  | 'logout-refused'
  | 'session-revoked'
  | 'session-rotated'
  | 'reauthenticated'
  | 'token-issued'
  | 'client-refused'
  | 'admin-listed'
  | 'admin-revoked'
  | 'admin-refused'
  /** Something was attempted, and nobody knew at that time whether it happened. */
  | 'unconfirmed';

export interface AuditFields {
  userId?: string | undefined;
  sessionId?: string;
  /** Further sessions that ended with it. */
  sessionIds?: readonly string[];
  reason?: string;
  /** It had happened already, by an attempt before this one, which may be `unconfirmed`. */
  already?: true;
  /** Of `unconfirmed`: what it would have been, and the code that the client was answered. */
  attempted?: AuditEvent;
  code?: string;
  audience?: string;
  /** The admin who did it, where that is not the user. */
  adminId?: string;
  /** Who signed in, in the words of the identity provider: `iss` and `sub`. */
  issuer?: string;
  subject?: string;
  ip?: string;
}

/** A structured log line, marked `audit`. Session ids are public handles; tokens and passwords never come here. */
// biome-ignore lint/suspicious/noExplicitAny: a context of any route will do
export function audit(c: Context<any>, event: AuditEvent, fields: AuditFields): void {
  requestLog(c).info({ audit: event, ...fields }, event);
}

/**
 * Runs what is audited when it succeeds. Where it fails in such a way that it may have happened all the same, the attempt is
 * audited instead: a session that ends after the answer 503 must not be missing from the log.
 */
export async function auditAttempt<T>(
  // biome-ignore lint/suspicious/noExplicitAny: a context of any route will do
  c: Context<any>,
  attempted: AuditEvent,
  fields: AuditFields,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isUnconfirmed(error)) audit(c, 'unconfirmed', { attempted, ...fields, code: error.code });
    throw error;
  }
}
