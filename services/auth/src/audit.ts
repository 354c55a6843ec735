import { requestLog } from '@holdfast/runtime';
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
  | 'admin-refused';

export interface AuditFields {
  userId?: string | undefined;
  sessionId?: string;
  /** Further sessions that ended with it. */
  sessionIds?: readonly string[];
  reason?: string;
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
