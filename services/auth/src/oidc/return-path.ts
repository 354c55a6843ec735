const LONGEST = 512;
/** A name that no request can have: what it is part of afterwards has stayed on the own site. */
const own = 'http://own.invalid';

/**
 * A path of this site to return to, from a text that anybody may have written into a link.
 *
 * @returns undefined for what leads elsewhere (CWE-601; OWASP Unvalidated Redirects and Forwards Cheat Sheet)
 */
export function parseReturnPath(text: string): string | undefined {
  if (text.length > LONGEST || !text.startsWith('/') || !URL.canParse(text, own)) return undefined;
  // Browsers read a path as this parser does: backslashes, tabs and dots count only after it.
  const { origin, pathname, search, hash } = new URL(text, own);
  if (origin !== own || pathname.startsWith('//')) return undefined;
  return pathname + search + hash;
}
