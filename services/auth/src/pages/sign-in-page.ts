import type { Page } from '@holdfast/pages';
import { html, raw } from 'hono/html';
import { singleSignOnPath } from './single-sign-on-path.ts';

export interface SignInPageOptions {
  /** What went wrong with the last try. */
  problem?: string;
  /** Why the session that was there is over. */
  notice?: string | undefined;
  username?: string;
  /** A path of this site. */
  returnTo?: string | undefined;
  /** Whether there is an identity provider to sign in with. */
  singleSignOn?: boolean;
  /** Whether that has to ask the person again, though it knows them. */
  anew?: boolean;
}

/** The other way to sign in is a link: the policy lets no form lead elsewhere. */
export function signInPage({ problem, notice, username, returnTo, singleSignOn, anew }: SignInPageOptions): Page {
  const wrong = problem !== undefined && raw(' aria-invalid="true" aria-describedby="problem"');
  const body = html`<div class="card">
<h1>Sign in</h1>
<p class="lead">Welcome back.</p>
${notice !== undefined && html`<p class="notice" role="status">${notice}</p>`}
${problem !== undefined && html`<p class="notice bad" role="alert" id="problem">${problem}</p>`}
<form method="post" action="/auth/sign-in">
${returnTo !== undefined && html`<input type="hidden" name="return_to" value="${returnTo}">`}
<label for="username">Username</label>
<input id="username" name="username" value="${username ?? ''}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="256" required${username === undefined && raw(' autofocus')}${wrong}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${username !== undefined && raw(' autofocus')}${wrong}>
<button class="button wide">Sign in</button>
</form>
${singleSignOn === true && html`<p><a class="button quiet wide" href="${singleSignOnPath(returnTo, anew === true ? 0 : undefined)}">Single sign-on</a></p>`}
</div>`;
  return { title: problem === undefined ? 'Sign in' : 'Problem: sign in', body, signedIn: false, narrow: true };
}
