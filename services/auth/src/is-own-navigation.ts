import type { ReadHeader } from '@holdfast/session';

/**
 * Whether the person came by this site's own pages, or typed the address: then a GET may do at once what it is for. For a
 * link of another site, a sibling host among them, and for a page that a browser fetches ahead of time, it may only ask
 * (OWASP CSRF Prevention Cheat Sheet, "Fetch Metadata"). A browser adds up the redirects that led here: one other site
 * among them makes it `cross-site`.
 *
 * @param siteOrigin what the browser calls this site; a browser that sends no `Sec-Fetch-Site` tells it by `Referer`
 */
export function isOwnNavigation(header: ReadHeader, siteOrigin: string): boolean {
  if (header('sec-purpose') !== undefined || header('purpose') !== undefined) return false;
  const site = header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const referer = header('referer');
  return referer !== undefined && URL.canParse(referer) && new URL(referer).origin === siteOrigin;
}
