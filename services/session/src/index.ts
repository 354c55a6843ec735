export { answerProblem } from './answer-problem.ts';
export {
  type AuthenticateOptions,
  admit,
  authenticate,
  endReused,
  type LiveCredential,
  requireActive,
} from './authenticate.ts';
export { createSessionStore } from './create-session-store.ts';
export { type Credential, type ReadHeader, readCredential, readSessionCookies, twoLiveSessions } from './credential.ts';
export { createFileSource, type FileSource, type FileSourceOptions } from './file-source.ts';
export { type ErrorCode, errorStatuses, HoldfastError, type HoldfastErrorOptions } from './holdfast-error.ts';
export { isSafeMethod } from './is-safe-method.ts';
export type { Authentication, CreatedSession, NewSession } from './new-session.ts';
export { readNodeHeader } from './read-node-header.ts';
export { type RedisConfig, type RedisEndpoint, type RedisTarget, toRedisConfig } from './redis-config.ts';
export { redisUserRules } from './redis-users.ts';
export { requireSameOrigin } from './require-same-origin.ts';
export { requireSession, type SessionVariables } from './require-session.ts';
export type { RotateOptions, Rotation } from './rotation.ts';
export {
  isReadable,
  type SessionEnvironment,
  sessionEnvironment,
  sessionEnvironmentMistakes,
  wholeNumber,
} from './session-config.ts';
export {
  clearSessionCookie,
  readCookieNames,
  readCookies,
  SESSION_COOKIE,
  setSessionCookie,
} from './session-cookie.ts';
export { DEFAULT_SESSIONS_PER_USER, MOST_SESSIONS_PER_USER } from './session-limits.ts';
export type { SessionListOptions, SessionPage, SessionPosition } from './session-list.ts';
export {
  type Device,
  type RevokeReason,
  type Session,
  type SessionWithDevice,
  toSessionView,
} from './session-record.ts';
export { type Revocation, SessionStore } from './session-store.ts';
export type { LimitAction, LimitCounter, SessionStoreOptions } from './session-store-options.ts';
export { createSessionToken, isSessionId, type ParsedSessionToken, parseSessionToken } from './session-token.ts';
export { isUnconfirmed } from './store-errors.ts';
export { trimBlanks } from './trim-blanks.ts';
export type { Validation } from './validation.ts';
