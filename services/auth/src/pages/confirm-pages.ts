import type { Page } from '@holdfast/pages';
import { html } from 'hono/html';

interface ConfirmPageOptions {
  title: string;
  question: string;
  /** What comes of it. */
  consequence: string;
  /** Where it is done: the path that was asked for. */
  path: string;
  yes: string;
  no: string;
  signedIn: boolean;
}

/**
 * For links of other sites: a link may only ask, and the person answers. The answer is a link, since the policy of pages
 * lets no form lead to the provider; that it was on this page, the browser says.
 */
function confirmPage({ title, question, consequence, path, yes, no, signedIn }: ConfirmPageOptions): Page {
  const body = html`<div class="card">
<h1>${question}</h1>
<p class="lead">A link from outside this site led you here. ${consequence}</p>
<p><a class="button wide" href="${path}">${yes}</a></p>
<p><a class="button quiet wide" href="/auth">${no}</a></p>
</div>`;
  return { title, body, signedIn, narrow: true };
}

/** @param signedIn whether the browser has a session, which a sign-in would end */
export function confirmSignInPage(path: string, signedIn: boolean): Page {
  return confirmPage({
    title: 'Single sign-on',
    question: 'Sign in with single sign-on?',
    consequence: signedIn
      ? 'You are signed in here already. Signing in again ends that session.'
      : 'The identity provider will tell this site who you are.',
    path,
    yes: 'Go on and sign in',
    no: signedIn ? 'Keep my session' : 'Not now',
    signedIn,
  });
}

export function confirmProviderSignOutPage(path: string, signedIn: boolean): Page {
  return confirmPage({
    title: 'Sign out',
    question: 'Sign out of single sign-on?',
    consequence: 'You may be signed out of other sites that you signed in to with it, too.',
    path,
    yes: 'Sign out',
    no: signedIn ? 'Stay signed in' : 'Not now',
    signedIn,
  });
}
