import { hash } from 'node:crypto';
import { readCookieNames, readCookies } from '@holdfast/session';
import { z } from 'zod';
import { openSealed, seal } from '../sealed-text.ts';
import type { SignInAttempt } from './oidc-provider.ts';

/**
 * A sign-in that is under way is kept in the browser that began it, encrypted: no other browser can finish it (login CSRF,
 * RFC 9700, section 4.7), every replica can, since all have the key, and nobody can fill Redis by beginning sign-ins. Each has a
 * cookie of its own, so parallel tabs don't disturb each other.
 */
export const SIGN_IN_COOKIE = '__Host-hf-oidc-';

export interface PendingSignIn extends SignInAttempt {
  /** A path of this site. */
  returnTo: string;
}

const LIFETIME_SECONDS = 600;
/** More would bring the headers of a request near what servers take. */
const MOST_PENDING = 4;

const pendingSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  maxAge: z.int().optional(),
  returnTo: z.string(),
});

/** @param keys of 32 bytes; the first encrypts */
export async function setSignInCookie(keys: Buffer[], pending: PendingSignIn): Promise<string> {
  const value = await seal(keys, pending, LIFETIME_SECONDS);
  return toCookie(cookieName(pending.state), value, LIFETIME_SECONDS);
}

export function clearSignInCookie(state: string): string {
  return toCookie(cookieName(state), '', 0);
}

/** Clears the oldest sign-ins that were begun and never finished, to make room for one more. */
export function clearForgottenSignIns(cookieHeader: string | undefined): string[] {
  const pending = readCookieNames(cookieHeader).filter((name) => /^__Host-hf-oidc-[A-Za-z0-9_-]{16}$/.test(name));
  // Browsers send the oldest first (RFC 6265, section 5.4).
  return pending.slice(0, Math.max(0, pending.length - MOST_PENDING + 1)).map((name) => toCookie(name, '', 0));
}

/** The sign-in this browser began with that `state`, if it did, and not too long ago. */
export async function readSignInCookie(
  keys: Buffer[],
  cookieHeader: string | undefined,
  state: string,
): Promise<PendingSignIn | undefined> {
  for (const value of readCookies(cookieHeader, cookieName(state))) {
    const pending = await openSealed(keys, value, pendingSchema);
    if (pending?.state === state) return pending;
  }
  return undefined;
}

const cookieName = (state: string) => SIGN_IN_COOKIE + hash('sha256', state, 'base64url').slice(0, 16);

const toCookie = (name: string, value: string, maxAgeSeconds: number) =>
  `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; Secure; SameSite=Lax`;
