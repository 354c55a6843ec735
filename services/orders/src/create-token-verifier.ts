import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/session';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';

/** Whom a JWT speaks for. */
export interface TokenCaller {
  userId: string;
  sessionId: string;
}

/** @throws HoldfastError `session-malformed`, `session-expired-absolute` (401) or `store-unavailable` (503) */
export type VerifyToken = (token: string) => Promise<TokenCaller>;

export interface TokenVerifier extends VerifyToken {
  /**
   * Fetches the keys, so that no request has to, and again from time to time. Rejects when auth can't be asked for 3 s, and goes on
   * trying.
   */
  load(): Promise<void>;
}

export interface TokenVerifierOptions {
  /** Where auth publishes its public keys. */
  jwksUrl: string;
  issuer: string;
  audience: string;
}

/** auth's own, and the one of its first builds, which may still run in a rolling upgrade. */
const types = new Set(['holdfast+jwt', 'JWT']);
/** As long as auth makes them for: a token can't be revoked, so no key that leaked may make one that outlives that. */
const longestLifetimeSeconds = 60;
/** So much may auth's clock be ahead of ours. */
const clockSkewSeconds = 10;

/** Together less than a second, so that an unreachable auth costs a caller no more than that. */
const timeoutMs = 500;
/** So long a refused connection is tried again: while pods are replaced, the next one may reach another. */
const retryMs = 400;
const pauseMs = 50;
/** Where nobody waits for the keys yet, there is more time. */
const loadMs = 3000;
const reloadMs = 1000;
/** A key that is not known makes us ask again, but not more often than this: anyone can make up keys. */
const cooldownMs = 5000;
/** Keys that were taken back are forgotten then; what they signed has long expired. */
const refreshMs = 300_000;

/**
 * Verifies the JWTs that auth issues for callers with no way to Redis: EdDSA only, for this audience, from this issuer,
 * of auth's type, not expired and made for no longer than auth makes them (RFC 7519, RFC 8037, and RFC 8725 on what to insist on). That the keys can't be fetched is an outage, and
 * says nothing about the token: 503, never 401. Keys that are known are good for as long as auth can't be asked for newer ones.
 */
export function createTokenVerifier({ jwksUrl, issuer, audience }: TokenVerifierOptions): TokenVerifier {
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: timeoutMs,
    cooldownDuration: cooldownMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
  });
  const getKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await untilAnswered(retryMs, () => keys(header, token));
    } catch (cause) {
      throw isAboutToken(cause) ? cause : unavailable(cause);
    }
  };
  const verify: VerifyToken = async (token) => {
    try {
      const requiredClaims = ['exp', 'iat', 'sub', 'sid'];
      const options = { issuer, audience, algorithms: ['EdDSA'], requiredClaims };
      const { payload, protectedHeader } = await jwtVerify(token, getKey, options);
      if (!types.has(protectedHeader.typ ?? '') || !isShortLived(payload)) throw refused();
      const { sub: userId, sid: sessionId } = payload;
      if (typeof userId === 'string' && userId !== '' && typeof sessionId === 'string') return { userId, sessionId };
    } catch (cause) {
      if (cause instanceof HoldfastError) throw cause;
      if (cause instanceof errors.JWTExpired) {
        throw new HoldfastError('session-expired-absolute', 'The token has expired. Get a new one from auth.', {
          cause,
        });
      }
      if (!(cause instanceof errors.JOSEError)) throw cause;
      throw refused(cause);
    }
    throw refused();
  };
  const keepFresh = async () => {
    for (;;) {
      await delay(keys.jwks() ? refreshMs : reloadMs, undefined, { ref: false });
      await keys.reload().catch(() => {});
    }
  };
  const load = () => untilAnswered(loadMs, () => keys.reload()).finally(() => void keepFresh());
  return Object.assign(verify, { load });
}

function isShortLived({ iat, exp }: JWTPayload): boolean {
  if (!Number.isSafeInteger(iat) || !Number.isSafeInteger(exp)) return false;
  const [issuedAt, expiresAt] = [iat as number, exp as number];
  return issuedAt <= Date.now() / 1000 + clockSkewSeconds && expiresAt - issuedAt <= longestLifetimeSeconds;
}

/** Asks auth again while it gives no answer, for so long. */
async function untilAnswered<T>(limitMs: number, ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isAboutToken(error) || performance.now() + pauseMs >= deadline) throw error;
      await delay(pauseMs);
    }
  }
}

/** Whether auth was asked, and the token's key is none of its own. */
function isAboutToken(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}

function unavailable(cause: unknown): HoldfastError {
  return new HoldfastError('store-unavailable', 'The keys to check the token with cannot be fetched now. Try again.', {
    cause,
  });
}

function refused(cause?: unknown): HoldfastError {
  return new HoldfastError('session-malformed', 'This is not a token that auth issued for this service.', { cause });
}
