import { HoldfastError } from '@holdfast/session';
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';

/** Answers of a provider that is there but can't serve now (OpenID Connect Core 1.0, section 3.1.2.6). */
const passing = new Set(['server_error', 'temporarily_unavailable']);
const unreachable = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
]);

/** An outage of the provider says nothing about anybody. */
export function providerUnavailable(cause?: unknown): HoldfastError {
  return new HoldfastError(
    'provider-unavailable',
    'The identity provider cannot be reached right now. Try again, or sign in with a password.',
    { cause, retryAfterSeconds: 2 },
  );
}

/** What went wrong at the end of a sign-in: with the person's answer, the provider, or what we have configured. */
export function toOidcError(cause: unknown): Error {
  if (cause instanceof AuthorizationResponseError) {
    if (passing.has(cause.error)) return providerUnavailable(cause);
    const detail =
      cause.error === 'access_denied'
        ? 'The identity provider was not allowed to tell who you are. Begin again to sign in.'
        : 'The identity provider refused the sign-in. Begin again.';
    return new HoldfastError('sign-in-failed', detail, { cause });
  }
  if (cause instanceof ResponseBodyError && cause.error !== 'invalid_grant') {
    return cause.status >= 500 || cause.status === 429 ? providerUnavailable(cause) : misconfigured(cause);
  }
  if (cause instanceof WWWAuthenticateChallengeError) return misconfigured(cause);
  const code = (cause as { code?: unknown }).code;
  // What fetch throws when there is no answer is a TypeError, and the only one without a code.
  if (cause instanceof TypeError && code === undefined) return providerUnavailable(cause);
  if (typeof code === 'string' && unreachable.has(code)) return providerUnavailable(cause);
  return new HoldfastError('sign-in-failed', 'What the identity provider answered does not hold. Begin again.', {
    cause,
  });
}

/** Nothing that the person, or time, could mend: it is logged as a defect. */
function misconfigured(cause: Error): Error {
  return new Error('the identity provider refuses this service: check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET_FILE', {
    cause,
  });
}
