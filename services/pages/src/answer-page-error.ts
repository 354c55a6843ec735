import { toHoldfastError } from '@holdfast/runtime';
import { HoldfastError, isUnconfirmed, readCookies, SESSION_COOKIE } from '@holdfast/session';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { errorPage } from './error-page.ts';
import { formWords, UNCONFIRMED_FIELD } from './form-words.ts';
import { keptFormPath } from './kept-form.ts';
import type { PageEnv } from './page-context.ts';
import { renderPage } from './render-page.ts';
import { signInPath } from './return-path.ts';

/** A page that renews itself sooner would interrupt whoever has it read aloud (WCAG 2.2, 2.2.1). */
const SOONEST_REFRESH_SECONDS = 5;

/**
 * Whatever a page's handler threw, as a page. Who has no live session is sent to sign in and back; the cookie is not
 * touched, whatever happened. A form is kept: on the page, or until its sender has signed in. Forms are sent to the path of the page they are on, so that path can always be read again.
 */
export function answerPageError(thrown: Error, c: Context<PageEnv>): Response | Promise<Response> {
  const refused = toHoldfastError(thrown, c);
  const error = refused.status === 415 ? notAForm(refused) : refused;
  const reading = c.req.method === 'GET' || c.req.method === 'HEAD';
  const path = reading ? c.req.path + new URL(c.req.url).search : c.req.path;
  const words = reading ? undefined : formWords.get(c.req.path);
  const needsNoFields = words !== undefined && Object.keys(words.fields).length === 0;
  const sent = reading ? undefined : (c.get('formFields') ?? (needsNoFields ? {} : undefined));
  if (error.status === 401) {
    const keeping = sent && keptFormPath(c.req.path, sent, error.code);
    return keeping ? c.redirect(keeping, 307) : c.redirect(signInPath(path, error.code), 303);
  }
  for (const [name, value] of error.getResponse().headers) if (name !== 'content-type') c.header(name, value);
  const { retryAfterSeconds } = error;
  if (reading && c.get('retryPath') === undefined && error.status === 503 && retryAfterSeconds !== undefined) {
    c.header('refresh', String(Math.max(retryAfterSeconds, SOONEST_REFRESH_SECONDS)));
  }
  const signedIn = readCookies(c.req.header('cookie'), SESSION_COOKIE).length > 0;
  const mayBeDone = (isUnconfirmed(error) || error.status === 500) && !needsNoFields;
  const fields = sent && mayBeDone ? { ...sent, [UNCONFIRMED_FIELD]: 'yes' } : sent;
  const { title, body } = errorPage({
    error,
    requestId: c.get('requestId'),
    signedIn,
    path: c.get('retryPath') ?? path,
    fields,
    words: sent && words,
  });
  return renderPage(c, { title, body, signedIn, narrow: true }, error.status as ContentfulStatusCode);
}

/** What Hono's validators refuse is taken for JSON elsewhere. */
function notAForm(cause: HoldfastError): HoldfastError {
  const headers = { 'accept-post': 'application/x-www-form-urlencoded' };
  return new HoldfastError('invalid-request', 'This takes nothing but its form.', { status: 415, headers, cause });
}
