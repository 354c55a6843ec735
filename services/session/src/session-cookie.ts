import { trimBlanks } from './trim-blanks.ts';

/**
 * The session cookie. `__Host-` (RFC 6265bis, section 4.1.3.2) makes browsers insist on Secure, Path=/ and no Domain,
 * so no other host, and no page over plain HTTP, can set or shadow it.
 */
export const SESSION_COOKIE = '__Host-hf';

/**
 * @param absoluteExpiresAtMs when the session ends; the cookie goes with it
 */
export function setSessionCookie(token: string, absoluteExpiresAtMs: number): string {
  return `${SESSION_COOKIE}=${token}; Path=/; Expires=${new Date(absoluteExpiresAtMs).toUTCString()}; HttpOnly; Secure; SameSite=Lax`;
}

export function clearSessionCookie(): string {
  return `${SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`;
}

/** The values a Cookie header (RFC 6265, section 4.2.1) has for a name, in the order sent. */
export function readCookies(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return [];
  const values: string[] = [];
  for (const part of header.includes(';') ? header.split(';') : [header]) {
    const separator = part.indexOf('=');
    if (separator > 0 && trimBlanks(part.slice(0, separator)) === name) {
      values.push(trimBlanks(part.slice(separator + 1)));
    }
  }
  return values;
}

/** The names of all cookies in a Cookie header, in the order sent. */
export function readCookieNames(header = ''): string[] {
  return header.split(';').map((part) => trimBlanks(part.split('=', 1)[0] ?? ''));
}
