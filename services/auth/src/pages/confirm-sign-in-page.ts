import type { Page } from '@holdfast/pages';
import { html } from 'hono/html';

export interface ConfirmSignInPageOptions {
  /** What the person asked for, or another site in their name: `/auth/oidc/login` with its query. */
  path: string;
  /** Whether the browser has a session, which a sign-in would end. */
  signedIn: boolean;
}

/**
 * For links of other sites: a link may only ask, and the person answers. The answer is a link, since the policy of pages
 * lets no form lead to the provider; that it was on this page, the browser says.
 */
export function confirmSignInPage({ path, signedIn }: ConfirmSignInPageOptions): Page {
  const consequence = signedIn
    ? 'You are signed in here already. Signing in again ends that session.'
    : 'The identity provider will tell this site who you are.';
  const body = html`<div class="card">
<h1>Sign in with single sign-on?</h1>
<p class="lead">A link from outside this site led you here. ${consequence}</p>
<p><a class="button wide" href="${path}">Go on and sign in</a></p>
<p><a class="button quiet wide" href="/auth">${signedIn ? 'Keep my session' : 'Not now'}</a></p>
</div>`;
  return { title: 'Single sign-on', body, signedIn, narrow: true };
}
