import { type Page, SIGN_IN_PATH } from '@holdfast/pages';
import { html } from 'hono/html';

/** @param atProvider whether people can sign out at an identity provider too */
export function signedOutPage(atProvider: boolean): Page {
  const body = html`<div class="card">
<h1>You are signed out</h1>
<p class="lead">This browser can’t see your account any more.</p>
<p><a class="button wide" href="${SIGN_IN_PATH}">Sign in again</a></p>
${atProvider && html`<p><a class="button quiet wide" href="/auth/oidc/logout">Sign out of single sign-on too</a></p>`}
</div>`;
  return { title: 'Signed out', body, signedIn: false, narrow: true };
}
