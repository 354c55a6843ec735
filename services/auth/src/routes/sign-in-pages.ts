import {
  formBody,
  htmlContent,
  htmlContents,
  type Pages,
  parseReturnPath,
  renderPage,
  seeOther,
  signInPath,
} from '@holdfast/pages';
import { visitorSecurity } from '@holdfast/runtime';
import { authenticate, HoldfastError, readCookies, SESSION_COOKIE } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { afterSignInPath } from '../after-sign-in-path.ts';
import { auditReuse } from '../audit-reuse.ts';
import type { AuthEnv, AuthServices, AuthVariables } from '../auth-context.ts';
import { logOut } from '../end-sessions.ts';
import { logIn } from '../log-in.ts';
import { describeReason } from '../pages/describe-reason.ts';
import { signInPage } from '../pages/sign-in-page.ts';
import { signOutPage } from '../pages/sign-out-page.ts';
import { signedOutPage } from '../pages/signed-out-page.ts';

const unavailable = { 503: 'The store can’t answer' };

const showSignIn = createRoute({
  method: 'get',
  path: '/sign-in',
  operationId: 'signInPage',
  tags: ['pages'],
  summary: 'The page to sign in on',
  request: {
    query: z.object({
      return_to: z.string().optional().openapi({ description: 'A path of this site to lead back to' }),
      reason: z.string().optional().openapi({ description: 'The code of the refusal that led here' }),
    }),
  },
  responses: { 200: htmlContent('The form'), 303: seeOther, ...htmlContents(unavailable) },
});

const signIn = createRoute({
  method: 'post',
  path: '/sign-in',
  operationId: 'signIn',
  tags: ['pages'],
  summary: 'Sign in by form',
  request: {
    body: formBody(
      z.object({
        username: z.string().max(256),
        password: z.string().max(1024),
        return_to: z.string().max(1024).optional(),
      }),
    ),
  },
  responses: {
    303: seeOther,
    ...htmlContents({
      401: 'Wrong username or password',
      403: 'Sent by another site',
      409: 'Too many sessions',
      422: 'A part of the form is missing or too long',
      429: 'Too many logins',
      ...unavailable,
    }),
  },
});

const showSignOut = createRoute({
  method: 'get',
  path: '/sign-out',
  operationId: 'signOutPage',
  tags: ['pages'],
  summary: 'The page that asks whether to sign out',
  responses: { 200: htmlContent('The question') },
});

const signOut = createRoute({
  method: 'post',
  path: '/sign-out',
  operationId: 'signOut',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'Sign out by form',
  responses: {
    303: seeOther,
    ...htmlContents({ 403: 'Sent by another site', 503: 'The session may or may not have ended: try again' }),
  },
});

const signedOut = createRoute({
  method: 'get',
  path: '/signed-out',
  operationId: 'signedOutPage',
  tags: ['pages'],
  summary: 'What is shown after signing out',
  responses: { 200: htmlContent('That it is done') },
});

/** `/auth/sign-in`, `/auth/sign-out` and `/auth/signed-out`. */
export function addSignInPages(pages: Pages<AuthVariables>, services: AuthServices): void {
  const singleSignOn = services.oidc !== undefined;
  const atProvider = services.oidc?.provider.options.postLogoutRedirectUri !== undefined;

  pages.openapi(showSignIn, async (c) => {
    const { return_to: wanted, reason } = c.req.valid('query');
    const returnTo = parseReturnPath(wanted);
    // Who is sent to authenticate once more is signed in, and would be sent back and forth for ever.
    const anew = reason === 'reauthentication-required';
    if (!anew && (await isSignedIn(c, services))) return c.redirect(afterSignInPath(c, returnTo), 303);
    return renderPage(c, signInPage({ returnTo, singleSignOn, anew, notice: describeReason(reason) }));
  });

  pages.openapi(signIn, async (c) => {
    const { username, password, return_to: wanted } = c.req.valid('form');
    const returnTo = parseReturnPath(wanted);
    if (returnTo !== undefined) c.set('retryPath', signInPath(returnTo));
    if (username === '' || password === '') {
      const problem = 'Enter your username and your password.';
      return renderPage(c, signInPage({ returnTo, singleSignOn, username, problem }), 422);
    }
    try {
      await logIn(c, services, { username, password, asCookie: true });
    } catch (error) {
      if (!(error instanceof HoldfastError) || !isRefusal(error.status)) throw error;
      c.error = error;
      for (const [name, value] of error.getResponse().headers) if (name !== 'content-type') c.header(name, value);
      return renderPage(c, signInPage({ returnTo, singleSignOn, username, problem: error.message }), error.status);
    }
    return c.redirect(afterSignInPath(c, returnTo), 303);
  });

  pages.openapi(showSignOut, (c) => renderPage(c, signOutPage()));

  pages.openapi(signOut, async (c) => {
    await logOut(c, services);
    return c.redirect('/auth/signed-out', 303);
  });

  pages.openapi(signedOut, (c) => renderPage(c, signedOutPage(atProvider)));
}

/** What a person can do something about on the form itself. */
function isRefusal(status: number): status is 401 | 409 | 429 {
  return status === 401 || status === 409 || status === 429;
}

/** @throws HoldfastError when the store can't tell: who may still be signed in is not asked for a password */
async function isSignedIn(c: Context<AuthEnv>, { sessions, config, metrics }: AuthServices): Promise<boolean> {
  const header = (name: string) => c.req.header(name);
  if (readCookies(header('cookie'), SESSION_COOKIE).length === 0) return false;
  const { trustedOrigins } = config;
  try {
    const options = { sessions, trustedOrigins, onValidation: metrics.recordValidation, onReuse: auditReuse(c) };
    await authenticate(c.req.method, header, options);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.status === 401) return false;
    throw error;
  }
}
