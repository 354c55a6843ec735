import type { Page } from '@holdfast/pages';
import { html } from 'hono/html';

/** For links of other pages and sites: a link may only ask, and the person answers. */
export function signOutPage(): Page {
  const body = html`<div class="card">
<h1>Sign out?</h1>
<p class="lead">You will need your password to come back.</p>
<form method="post" action="/auth/sign-out"><p><button class="button wide">Sign out</button></p></form>
<p><a class="button quiet wide" href="/auth">Stay signed in</a></p>
</div>`;
  return { title: 'Sign out', body, signedIn: true, narrow: true };
}
