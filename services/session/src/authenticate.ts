import { type ReadHeader, readCredential } from './credential.ts';
import { HoldfastError } from './holdfast-error.ts';
import { isSafeMethod } from './is-safe-method.ts';
import { requireSameOrigin } from './require-same-origin.ts';
import type { Session } from './session-record.ts';
import type { SessionStore } from './session-store.ts';
import { type ParsedSessionToken, parseSessionToken } from './session-token.ts';
import type { ActiveValidation, Findings, Validation } from './validation.ts';

export interface AuthenticateOptions {
  sessions: SessionStore;
  /** Origins, such as `https://shop.example`, from which unsafe requests with a cookie may come. */
  trustedOrigins: readonly string[];
  /**
   * How long ago the user may have authenticated, for what deserves a second look. A session that is older is refused with
   * the challenge of RFC 9470; `POST /v1/session/reauthenticate` of auth answers it.
   */
  maxAuthAgeMs?: number | undefined;
  /** What came of each validation, for a metric; `error` when the store could not answer. */
  onValidation?: (outcome: string) => void;
  /** A replaced token came back; the user where auth has ended the session with this request. */
  onReuse?: (sessionId: string, userId: string | undefined) => void;
  /** Why a request is answered 503, or why a reused session could not be ended; the default is the `onError` of the store. */
  onError?: (error: Error) => void;
}

/**
 * The session a request carries, by cookie or bearer token: at once where the local cache has it. Knows no web framework.
 * A malformed token costs no call of the store.
 *
 * @throws HoldfastError with the code to answer
 */
export function authenticate(
  method: string,
  header: ReadHeader,
  options: AuthenticateOptions,
): Session | Promise<Session> {
  const { sessions, trustedOrigins, maxAuthAgeMs, onValidation } = options;
  const presented = requirePresented(method, header, trustedOrigins);
  // How recent an authentication is, is Redis' clock's to say.
  const known = maxAuthAgeMs === undefined ? sessions.recall(presented) : undefined;
  if (known === undefined) return askForSession(presented, method, options);
  onValidation?.(known.outcome);
  if (known.touchDue) sessions.touch(known.session.id);
  return known.session;
}

async function askForSession(presented: string, method: string, options: AuthenticateOptions) {
  const token = requireWellFormed(presented);
  const validation = options.sessions.validate(token, { safe: isSafeMethod(method), presented });
  return (await ask(token, options, validation)).session;
}

/** As {@link authenticate}, with whatever way of validating, and with what the validation found. */
export async function admit<S extends Session>(
  method: string,
  header: ReadHeader,
  options: AuthenticateOptions,
  validate: (token: ParsedSessionToken) => Promise<Validation<S>>,
): Promise<{ token: ParsedSessionToken; session: S } & Findings> {
  const token = requireToken(method, header, options.trustedOrigins);
  return { token, ...(await ask(token, options, validate(token))) };
}

async function ask<S extends Session>(
  token: ParsedSessionToken,
  options: AuthenticateOptions,
  answer: Promise<Validation<S>>,
): Promise<ActiveValidation<S>> {
  const { sessions, maxAuthAgeMs, onValidation } = options;
  let validation: Validation<S>;
  try {
    validation = await answer;
  } catch (error) {
    onValidation?.('error');
    report(options, error as Error);
    throw error;
  }
  onValidation?.(validation.outcome);
  if (validation.outcome === 'reused') await endReused(token, options);
  const active = requireActive(validation);
  if (active.touchDue) sessions.touch(token.id, active.firstUse);
  if (maxAuthAgeMs !== undefined && active.nowMs - active.session.authenticatedAtMs > maxAuthAgeMs) {
    throw reauthenticationRequired(maxAuthAgeMs);
  }
  return active;
}

/**
 * Ends the session of a replaced token that came back, for whoever has its successor by now. Where that can't be written now,
 * the error is reported: the caller is refused all the same, and the session ends when such a token is seen again.
 */
export async function endReused(
  token: ParsedSessionToken,
  options: Pick<AuthenticateOptions, 'sessions' | 'onReuse' | 'onError'>,
): Promise<void> {
  let userId: string | undefined;
  try {
    userId = await options.sessions.noteUse(token);
  } catch (error) {
    report(options, error as Error);
  }
  options.onReuse?.(token.id, userId);
}

function report({ sessions, onError }: Pick<AuthenticateOptions, 'sessions' | 'onError'>, error: Error): void {
  if (onError) onError(error);
  else sessions.reportError(error);
}

/** The challenge of RFC 9470, section 3: the session lives, but its authentication is too old for this. */
function reauthenticationRequired(maxAuthAgeMs: number): HoldfastError {
  const parameters = [
    'error="insufficient_user_authentication"',
    'error_description="A more recent authentication is required"',
    `max_age="${Math.floor(maxAuthAgeMs / 1000)}"`,
  ];
  return new HoldfastError(
    'reauthentication-required',
    'The session lives, but this needs a more recent authentication: send the password to POST /v1/session/reauthenticate of auth.',
    { headers: { 'www-authenticate': `Bearer ${parameters.join(', ')}` } },
  );
}

/** The well-formed token of a request that came from where it may. */
export function requireToken(
  method: string,
  header: ReadHeader,
  trustedOrigins: readonly string[],
): ParsedSessionToken {
  return requireWellFormed(requirePresented(method, header, trustedOrigins));
}

/** The token as it was presented, of a request that came from where it may. */
function requirePresented(method: string, header: ReadHeader, trustedOrigins: readonly string[]): string {
  const credential = readCredential(header);
  if (credential.kind === 'none') {
    throw new HoldfastError(
      'session-missing',
      'Log in first, then send the session cookie or `Authorization: Bearer`.',
    );
  }
  if (credential.kind === 'cookie') requireSameOrigin(method, header, trustedOrigins);
  return credential.token;
}

function requireWellFormed(presented: string): ParsedSessionToken {
  const token = parseSessionToken(presented);
  if (!token) throw new HoldfastError('session-malformed', 'This is not a session token, or a part of it is missing.');
  return token;
}

/** A validation that found the session alive. */
export function requireActive<S extends Session>(validation: Validation<S>): ActiveValidation<S> {
  switch (validation.outcome) {
    case 'active':
      return validation;
    case 'unknown':
      throw new HoldfastError('session-unknown', 'There is no such session. Log in again.');
    case 'expired-idle':
      throw new HoldfastError('session-expired-idle', 'The session was not used for too long. Log in again.');
    case 'expired-absolute':
      throw new HoldfastError(
        'session-expired-absolute',
        'The session has reached its longest duration. Log in again.',
      );
    case 'reused':
      throw new HoldfastError(
        'session-reused',
        'This session token was replaced, and has come back: a copy of it may be in other hands. The session has ended. Log in again.',
      );
    case 'revoked':
      throw new HoldfastError('session-revoked', `The session was ended (${validation.reason}). Log in again.`);
  }
}
