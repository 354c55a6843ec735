import { hash } from 'node:crypto';
import type { IDToken } from 'openid-client';

/** Which claim gives which roles. */
export interface RoleMapping {
  /** A claim's name, or a path through objects, its steps separated by dots; undefined where no claim gives any. */
  claim?: string | undefined;
  /** Role by value of the claim. */
  roles: ReadonlyMap<string, string>;
  /** Roles of everybody. */
  defaults: readonly string[];
}

/** Whom an ID token speaks of, in this service's terms. */
export interface OidcIdentity {
  userId: string;
  roles: string[];
  amr: string[];
  /** Milliseconds since 1970; {@link UNKNOWN_AUTHENTICATION_MS} where the provider did not say it in a way that can be true. */
  authenticatedAtMs: number;
  /** The provider's session, where it can end sessions from its side. */
  link: string | undefined;
}

/** One name for what is unique with one issuer only; it tells neither. */
export const digestIssued = (issuer: string, name: string): string =>
  hash('sha256', JSON.stringify([issuer, name]), 'base64url');

/** A user's id: the ids of the user file have no colon, so nobody of theirs is ever meant, and no two issuers share one. */
export const toOidcUserId = (issuer: string, subject: string): string => `oidc:${digestIssued(issuer, subject)}`;

/** What a provider's session is called in Redis. */
export const toSessionLink = (issuer: string, sid: string): string => digestIssued(issuer, sid);

/** As old as possible: no limit on the age of an authentication lets it pass. */
export const UNKNOWN_AUTHENTICATION_MS = 0;

/** How far the provider's clock may be ahead of ours, in seconds; as far as the library lets other times of a token be off. */
const CLOCK_TOLERANCE_SECONDS = 30;

/**
 * When the person last proved who they are, which may be long before they came here (OpenID Connect Core 1.0, section 2:
 * `auth_time`, in seconds). A token without it says nothing about that, and a time to come can't be true.
 *
 * @returns milliseconds since 1970, never later than now
 */
export function toAuthenticatedAtMs(authTime: unknown, nowMs: number): number {
  if (typeof authTime !== 'number' || !(authTime > 0)) return UNKNOWN_AUTHENTICATION_MS;
  if (authTime * 1000 > nowMs + CLOCK_TOLERANCE_SECONDS * 1000) return UNKNOWN_AUTHENTICATION_MS;
  return Math.min(Math.floor(authTime) * 1000, nowMs);
}

export function toOidcIdentity(claims: IDToken, mapping: RoleMapping, nowMs = Date.now()): OidcIdentity {
  const { iss, sub, sid, amr, auth_time: authTime } = claims;
  return {
    userId: toOidcUserId(iss, sub),
    roles: toRoles(claims, mapping),
    amr: textsOf(amr).slice(0, 8),
    authenticatedAtMs: toAuthenticatedAtMs(authTime, nowMs),
    link: typeof sid === 'string' ? toSessionLink(iss, sid) : undefined,
  };
}

function toRoles(claims: IDToken, { claim, roles, defaults }: RoleMapping): string[] {
  const values = claim === undefined ? [] : textsOf(findClaim(claims, claim));
  return [...new Set([...defaults, ...values.flatMap((value) => roles.get(value) ?? [])])];
}

function findClaim(claims: IDToken, claim: string): unknown {
  // Names may have dots themselves, such as https://example.com/roles.
  if (Object.hasOwn(claims, claim)) return claims[claim];
  let found: unknown = claims;
  for (const step of claim.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

const textsOf = (claim: unknown): string[] =>
  [claim].flat().filter((value): value is string => typeof value === 'string');
