import { HoldfastError } from './holdfast-error.ts';
import { readCookies, SESSION_COOKIE } from './session-cookie.ts';

/**
 * What a request sent to prove whose it is; no token is looked at yet. Of several session cookies at most one may be alive: which,
 * only the store can tell.
 */
export type Credential =
  | { kind: 'none' }
  | { kind: 'bearer'; tokens: readonly [string] }
  | { kind: 'cookie'; tokens: readonly [string, ...string[]] };

/** A request header by its lower-case name. */
export type ReadHeader = (name: string) => string | undefined;

const MOST_SESSION_COOKIES = 4;

/**
 * @throws HoldfastError `invalid-request` for a cookie and a bearer token at once: which of them counts would be a guess, and the
 * wrong guess acts for somebody else; and for more than four session cookies
 */
export function readCredential(header: ReadHeader): Credential {
  const authorization = header('authorization');
  const bearer = authorization === undefined ? null : /^bearer(?: +(.*))?$/i.exec(authorization);
  const cookies = readSessionCookies(header('cookie'));
  if (bearer) {
    if (cookies.length > 0) {
      throw new HoldfastError(
        'invalid-request',
        `Two credentials were sent. Send either the ${SESSION_COOKIE} cookie or \`Authorization: Bearer\`, once.`,
      );
    }
    return { kind: 'bearer', tokens: [bearer[1] ?? ''] };
  }
  return isFilled(cookies) ? { kind: 'cookie', tokens: cookies } : { kind: 'none' };
}

const isFilled = (values: string[]): values is [string, ...string[]] => values.length > 0;

/**
 * The values of the session cookies in a Cookie header, each once, in the order sent. An empty one is none.
 *
 * @throws HoldfastError `invalid-request` for more than four: each costs a question to the store
 */
export function readSessionCookies(header: string | undefined): string[] {
  const sent = readCookies(header, SESSION_COOKIE);
  if (sent.length === 1 && sent[0] !== '') return sent;
  const values = [...new Set(sent)].filter((value) => value !== '');
  if (values.length > MOST_SESSION_COOKIES) {
    throw new HoldfastError(
      'invalid-request',
      `More than ${MOST_SESSION_COOKIES} different ${SESSION_COOKIE} cookies were sent. Delete the cookies of this site, then log in again.`,
    );
  }
  return values;
}

/** Two of the session cookies are alive: which of them counts would be a guess. */
export function twoLiveSessions(): HoldfastError {
  return new HoldfastError(
    'invalid-request',
    `Two ${SESSION_COOKIE} cookies of live sessions were sent. Delete the cookies of this site, then log in again.`,
  );
}
