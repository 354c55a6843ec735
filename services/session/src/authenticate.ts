import { type ReadHeader, readCredential, twoLiveSessions } from './credential.ts';
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
  const { tokens } = requireCredential(method, header, trustedOrigins);
  // How recent an authentication is, is Redis' clock's to say; and of several tokens each has to be asked about.
  const known = maxAuthAgeMs === undefined && tokens.length === 1 ? sessions.recall(tokens[0]) : undefined;
  if (known === undefined) return askForSession(tokens, method, options);
  onValidation?.(known.outcome);
  if (known.touchDue) sessions.touch(known.session.id);
  return known.session;
}

async function askForSession(tokens: readonly string[], method: string, options: AuthenticateOptions) {
  const safe = isSafeMethod(method);
  const admitted = await ask(tokens, options, (token, presented) =>
    options.sessions.validate(token, { safe, presented }),
  );
  return admitted.validation.session;
}

/** The token that counts of those that a request sent. */
export interface LiveCredential {
  kind: 'cookie' | 'bearer';
  /** As it was presented. */
  token: string;
}

/** As {@link authenticate}, with whatever way of validating, and with what the validation found. */
export async function admit<S extends Session>(
  method: string,
  header: ReadHeader,
  options: AuthenticateOptions,
  validate: (token: ParsedSessionToken) => Promise<Validation<S>>,
): Promise<{ credential: LiveCredential; token: ParsedSessionToken; session: S } & Findings> {
  const { kind, tokens } = requireCredential(method, header, options.trustedOrigins);
  const { presented, token, validation } = await ask(tokens, options, validate);
  return { credential: { kind, token: presented }, token, ...validation };
}

interface Presented {
  presented: string;
  token: ParsedSessionToken;
}

interface Judged<S extends Session, V = Validation<S>> extends Presented {
  validation: V;
}

type Validate<S extends Session> = (token: ParsedSessionToken, presented: string) => Promise<Validation<S>>;

async function ask<S extends Session>(
  tokens: readonly string[],
  options: AuthenticateOptions,
  validate: Validate<S>,
): Promise<Judged<S, ActiveValidation<S>>> {
  const { sessions, maxAuthAgeMs, onValidation } = options;
  const sent = requireWellFormed(tokens);
  let judged: Judged<S>[];
  try {
    const judge = async ({ token, presented }: Presented) => ({
      token,
      presented,
      validation: await validate(token, presented),
    });
    // A store that can't tell about one of them can't tell which counts.
    judged = await Promise.all(sent.map(judge));
  } catch (error) {
    onValidation?.('error');
    report(options, error as Error);
    throw error;
  }
  for (const { token, validation } of judged) {
    onValidation?.(validation.outcome);
    if (validation.outcome === 'reused') await endReused(token, options);
  }
  const { presented, token, validation } = judged.length === 1 ? (judged[0] as Judged<S>) : requireOneAlive(judged);
  const active = requireActive(validation);
  if (active.touchDue) sessions.touch(token.id, active.firstUse);
  if (maxAuthAgeMs !== undefined && active.nowMs - active.session.authenticatedAtMs > maxAuthAgeMs) {
    throw reauthenticationRequired(maxAuthAgeMs);
  }
  return { presented, token, validation: active };
}

/**
 * The one that is alive, or one that tells why none is. A replaced token ends its session, also for the successor that came
 * with it.
 */
function requireOneAlive<S extends Session>(judged: readonly Judged<S>[]): Judged<S> {
  const reused = judged.filter(({ validation }) => validation.outcome === 'reused');
  const ended = new Set(reused.map(({ token }) => token.id));
  const alive = judged.filter(({ token, validation }) => validation.outcome === 'active' && !ended.has(token.id));
  if (alive.length > 1) throw twoLiveSessions();
  return (alive[0] ?? reused[0] ?? judged[0]) as Judged<S>;
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

/** What a request from where it may come presented. */
function requireCredential(method: string, header: ReadHeader, trustedOrigins: readonly string[]) {
  const credential = readCredential(header);
  if (credential.kind === 'none') {
    throw new HoldfastError(
      'session-missing',
      'Log in first, then send the session cookie or `Authorization: Bearer`.',
    );
  }
  if (credential.kind === 'cookie') requireSameOrigin(method, header, trustedOrigins);
  return credential;
}

/** Those that can be tokens; the others prove nothing, and the store is not asked about them. */
function requireWellFormed(tokens: readonly string[]): Presented[] {
  const wellFormed: Presented[] = [];
  for (const presented of tokens) {
    const token = parseSessionToken(presented);
    if (token) wellFormed.push({ presented, token });
  }
  if (wellFormed.length > 0) return wellFormed;
  throw new HoldfastError('session-malformed', 'This is not a session token, or a part of it is missing.');
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
