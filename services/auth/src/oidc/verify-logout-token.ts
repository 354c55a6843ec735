import { HoldfastError } from '@holdfast/session';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { OidcProvider } from './oidc-provider.ts';
import { providerUnavailable } from './to-oidc-error.ts';

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Never `none`, and none that a public key could be abused for as a shared secret (RFC 8725, section 3.1). */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const CLOCK_TOLERANCE_SECONDS = 30;
/** A logout that is older says nothing about now. */
export const LONGEST_AGE_SECONDS = 300;
/**
 * What a logout token may call itself: a media type, whose letters have no case (RFC 7515, section 4.1.9). The specification
 * only recommends `logout+jwt`: Keycloak sends `JWT`, others nothing. Tokens of other kinds that say what they are
 * (`at+jwt`, `secevent+jwt`, `dpop+jwt`) are none.
 */
const isLogoutType = (typ: unknown): boolean =>
  typ === undefined || (typeof typ === 'string' && /^(application\/)?(logout\+)?jwt$/i.test(typ));
/** How the set of keys says that it could not be had, in contrast to: has no such key. */
const keyOutages = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

/** What a provider has ended: one session, those of a person, or those of a person in one session. */
export interface LogoutToken {
  jti: string;
  sid?: string | undefined;
  subject?: string | undefined;
}

/**
 * Checks a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6): type, signature, issuer, audience, times,
 * event, and that it is no ID token: those of our sign-ins have a `nonce`, which is forbidden here, and neither they nor access
 * tokens have `events`. Whether it came before is for the caller to see to.
 *
 * @throws HoldfastError `invalid-request` (400), with a reason that repeats nothing of the token, or `provider-unavailable` when the keys can't be had
 */
export async function verifyLogoutToken(provider: OidcProvider, token: string): Promise<LogoutToken> {
  const [issuer, getKey] = [await provider.issuer(), await provider.keys()];
  const { payload, protectedHeader } = await jwtVerify(token, getKey, {
    issuer,
    audience: provider.options.clientId,
    algorithms,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    maxTokenAge: LONGEST_AGE_SECONDS,
    requiredClaims: ['iat', 'exp', 'jti', 'events'],
  }).catch((cause: unknown) => {
    if (!(cause instanceof errors.JOSEError) || keyOutages.has(cause.code)) throw providerUnavailable(cause);
    // The one kind of message that quotes the token.
    throw refused(
      cause instanceof errors.JOSENotSupported ? 'its header asks for what is not supported' : cause.message,
    );
  });
  if (!isLogoutType(protectedHeader.typ)) throw refused('its "typ" is that of another kind of token');
  return readPayload(payload);
}

function readPayload({ jti, sub, sid, nonce, events }: JWTPayload): LogoutToken {
  if (typeof jti !== 'string' || jti === '') throw refused('its "jti" is no text');
  const event = isObject(events) && Object.hasOwn(events, LOGOUT_EVENT) ? events[LOGOUT_EVENT] : undefined;
  if (!isObject(event)) throw refused('its "events" have no logout');
  if (nonce !== undefined) throw refused('it has a "nonce", as only ID tokens do');
  const [session, subject] = [sid, sub].map((claim) => (typeof claim === 'string' && claim !== '' ? claim : undefined));
  if (session === undefined && subject === undefined) throw refused('it names neither "sid" nor "sub"');
  if ((sid !== undefined && session === undefined) || (sub !== undefined && subject === undefined)) {
    throw refused('its "sid" or its "sub" is no text');
  }
  return { jti, sid: session, subject };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refused(why: string): HoldfastError {
  return new HoldfastError('invalid-request', `This is not a logout token that holds: ${why}.`);
}
