/** Where people sign in, on every service of the site: a path of auth. */
export const SIGN_IN_PATH = '/auth/sign-in';

const LONGEST = 512;
/** A name that no request can have: what it is part of afterwards has stayed on the own site. */
const own = 'http://own.invalid';

/**
 * A path of this site to return to, from a text that anybody may have written into a link.
 *
 * @returns undefined for what leads elsewhere (CWE-601; OWASP Unvalidated Redirects and Forwards Cheat Sheet)
 */
export function parseReturnPath(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LONGEST || !text.startsWith('/') || !URL.canParse(text, own))
    return undefined;
  // Browsers read a path as this parser does: backslashes, tabs and dots count only after it.
  const { origin, pathname, search, hash } = new URL(text, own);
  if (origin !== own || pathname.startsWith('//') || isAction(pathname)) return undefined;
  return pathname + search + hash;
}

/** Whether a path does something by being visited. Who has just signed in must not be led on to sign in as somebody else. */
function isAction(pathname: string): boolean {
  try {
    return decodeURIComponent(pathname).startsWith('/auth/oidc/');
  } catch {
    // Not an encoding at all: no such path leads there.
    return false;
  }
}

/** The sign-in page, that leads back to `returnTo` and says why, in the words of {@link signInReasons}. */
export function signInPath(returnTo: string, reason?: string): string {
  const query = new URLSearchParams({ return_to: returnTo, ...(reason === undefined ? {} : { reason }) });
  return `${SIGN_IN_PATH}?${query}`;
}
