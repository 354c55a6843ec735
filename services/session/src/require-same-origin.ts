import type { ReadHeader } from './credential.ts';
import { HoldfastError } from './holdfast-error.ts';
import { isSafeMethod } from './is-safe-method.ts';

/**
 * Turns away a request that another site made the browser send: an unsafe method needs `Sec-Fetch-Site` to be
 * `same-origin` or `none`, or, from a browser that does not send that header, an `Origin` from the list (OWASP CSRF
 * Prevention Cheat Sheet, "Fetch Metadata"). The content type makes no difference.
 *
 * @throws HoldfastError `csrf-rejected`
 */
export function requireSameOrigin(method: string, header: ReadHeader, trustedOrigins: readonly string[]): void {
  if (isSafeMethod(method)) return;
  const site = header('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return;
  const origin = header('origin');
  if (site === undefined && origin !== undefined && trustedOrigins.includes(origin)) return;
  throw new HoldfastError(
    'csrf-rejected',
    'A request with a cookie must come from this site: send Sec-Fetch-Site: same-origin, or an Origin that is configured.',
  );
}
