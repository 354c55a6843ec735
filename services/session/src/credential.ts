import { HoldfastError } from './holdfast-error.ts';
import { readCookies, SESSION_COOKIE } from './session-cookie.ts';

/** What a request sent to prove whose it is; the token is not looked at yet. */
export type Credential = { kind: 'none' } | { kind: 'cookie' | 'bearer'; token: string };

/** A request header by its lower-case name. */
export type ReadHeader = (name: string) => string | undefined;

/**
 * @throws HoldfastError `invalid-request` for two credentials at once: which of them counts would be a guess, and the
 * wrong guess acts for somebody else
 */
export function readCredential(header: ReadHeader): Credential {
  const authorization = header('authorization');
  const bearer = authorization === undefined ? null : /^bearer(?: +(.*))?$/i.exec(authorization);
  const cookies = readCookies(header('cookie'), SESSION_COOKIE);
  if (cookies.length > (bearer ? 0 : 1)) {
    throw new HoldfastError(
      'invalid-request',
      `Two credentials were sent. Send either the ${SESSION_COOKIE} cookie or \`Authorization: Bearer\`, once.`,
    );
  }
  if (bearer) return { kind: 'bearer', token: bearer[1] ?? '' };
  const [cookie] = cookies;
  if (cookie) return { kind: 'cookie', token: cookie };
  return { kind: 'none' };
}
