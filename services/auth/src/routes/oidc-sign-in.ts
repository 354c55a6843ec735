import { htmlContent, htmlContents, type Pages, parseReturnPath, renderPage, signInPath } from '@holdfast/pages';
import { createClientAddress, requestLog } from '@holdfast/runtime';
import { HoldfastError, readCookies, SESSION_COOKIE } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { afterSignInPath } from '../after-sign-in-path.ts';
import { audit } from '../audit.ts';
import type { AuthServices, AuthVariables, OidcServices } from '../auth-context.ts';
import { beginSession } from '../begin-session.ts';
import { isOwnNavigation } from '../is-own-navigation.ts';
import { takeAddressAttempt } from '../login-limits.ts';
import { clearIdTokenCookie, readIdTokenCookie, setIdTokenCookie } from '../oidc/id-token-cookie.ts';
import type { FinishedSignIn } from '../oidc/oidc-provider.ts';
import {
  clearForgottenSignIns,
  clearSignInCookie,
  type PendingSignIn,
  readSignInCookie,
  setSignInCookie,
} from '../oidc/sign-in-cookie.ts';
import { toOidcIdentity } from '../oidc/to-oidc-identity.ts';
import { confirmProviderSignOutPage, confirmSignInPage } from '../pages/confirm-pages.ts';
import { singleSignOnPath } from '../pages/single-sign-on-path.ts';

const TOO_LONG =
  'the ID token is too long to be kept: people sign out at the provider without id_token_hint. Have the provider send fewer claims';
const providerDown = { 503: 'The provider can’t be reached, or the store can’t answer' };

const login = createRoute({
  method: 'get',
  path: '/oidc/login',
  operationId: 'oidcSignIn',
  tags: ['single sign-on'],
  summary: 'Sign in with the identity provider',
  description:
    'From a page of this site, or typed, it leads on at once. To a link from elsewhere it answers with a page that asks first: a sign-in ends the session that the browser has.',
  request: {
    query: z.object({
      return_to: z.string().default('/auth').openapi({ description: 'A path of this site to lead to afterwards' }),
      max_age: z
        .string()
        .regex(/^\d{1,6}$/, 'must be a number of seconds')
        .transform(Number)
        .optional()
        .openapi({
          type: 'string',
          description: 'Seconds; longer ago than that, the person has to prove again who they are',
        }),
    }),
  },
  responses: {
    200: htmlContent('The question whether to sign in, for a link from elsewhere'),
    303: { description: 'To the provider' },
    ...htmlContents({ 400: 'Not a path of this site', ...providerDown }),
  },
});

const callback = createRoute({
  method: 'get',
  path: '/oidc/callback',
  operationId: 'oidcCallback',
  tags: ['single sign-on'],
  summary: 'Where the identity provider leads back to',
  request: { query: z.looseObject({ state: z.string().min(1).max(512) }) },
  responses: {
    303: { description: 'Signed in: the cookie, and on to `return_to`' },
    ...htmlContents({
      400: 'Not the sign-in that this browser began, or the provider refused it',
      409: 'Signed in too often already',
      429: 'Too many logins',
      ...providerDown,
    }),
  },
});

const logout = createRoute({
  method: 'get',
  path: '/oidc/logout',
  operationId: 'oidcSignOut',
  tags: ['single sign-on'],
  summary: 'Sign out at the identity provider too (OpenID Connect RP-Initiated Logout 1.0); sign out here first',
  description:
    'With the ID token of the last sign-in (`id_token_hint`), which the browser keeps encrypted in a cookie of this path. To a link from elsewhere it answers with a page that asks first.',
  responses: {
    200: htmlContent('The question whether to sign out, for a link from elsewhere'),
    303: { description: 'To the provider' },
    ...htmlContents({ 404: 'The provider has no such place', ...providerDown }),
  },
});

/** `/auth/oidc/login`, `/auth/oidc/callback` and `/auth/oidc/logout`: single sign-on, as browsers walk through it. */
export function addOidcSignIn(
  pages: Pages<AuthVariables>,
  services: AuthServices,
  { provider, roles }: OidcServices,
): void {
  const { keys, sessions, config, metrics } = services;
  const cookieKeys = () => keys.derive('oidc-sign-in');
  const clientAddress = createClientAddress(config.trustedProxies);
  const idTokenKeys = () => keys.derive('oidc-id-token');
  const siteOrigin = new URL(provider.options.redirectUri).origin;
  const isOwn = (c: Context) => isOwnNavigation((name) => c.req.header(name), siteOrigin);
  const hasSession = (c: Context) => readCookies(c.req.header('cookie'), SESSION_COOKIE).length > 0;

  pages.openapi(login, async (c) => {
    const { return_to: wanted, max_age: maxAge } = c.req.valid('query');
    const returnTo = parseReturnPath(wanted);
    if (returnTo === undefined) {
      throw new HoldfastError('invalid-request', '`return_to` must be a path of this site, such as /orders.');
    }
    if (!isOwn(c)) return renderPage(c, confirmSignInPage(singleSignOnPath(returnTo, maxAge), hasSession(c)));
    const { url, attempt } = await provider.begin(maxAge);
    for (const cookie of clearForgottenSignIns(c.req.header('cookie')))
      c.header('set-cookie', cookie, { append: true });
    const cookie = await setSignInCookie(cookieKeys(), { ...attempt, returnTo });
    c.header('set-cookie', cookie, { append: true });
    return c.redirect(url.href, 303);
  });

  pages.openapi(callback, async (c) => {
    const { state } = c.req.valid('query');
    const pending = await readSignInCookie(cookieKeys(), c.req.header('cookie'), state);
    if (!pending) {
      const detail = 'This sign-in was begun in another browser, is finished, or took too long. Begin again.';
      throw new HoldfastError('sign-in-failed', detail);
    }
    const ip = clientAddress(c);
    const { claims, idToken } = await finish(new URL(c.req.url).search, pending, ip, (reason) => {
      audit(c, reason === 'rate-limited' ? 'login-limited' : 'login-failed', { ip, reason });
    });
    const { sub: subject, iss: issuer } = claims;
    // The code is spent: to load this once more would not help.
    c.set('retryPath', signInPath(pending.returnTo));
    const { session } = await beginSession(c, services, {
      ...toOidcIdentity(claims, roles),
      ip,
      asCookie: true,
      audited: { issuer, subject },
    });
    c.header('set-cookie', clearSignInCookie(state), { append: true });
    if (idToken !== undefined) {
      const kept = await setIdTokenCookie(idTokenKeys(), idToken, session.absoluteExpiresAtMs);
      if (kept === undefined) requestLog(c).warn(TOO_LONG);
      c.header('set-cookie', kept ?? clearIdTokenCookie(), { append: true });
    }
    return c.redirect(afterSignInPath(c, pending.returnTo), 303);
  });

  pages.openapi(logout, async (c) => {
    // With the ID token the provider may sign the person out without a question of its own.
    if (!isOwn(c)) return renderPage(c, confirmProviderSignOutPage(c.req.path, hasSession(c)));
    const url = await provider.endSessionUrl(await readIdTokenCookie(idTokenKeys(), c.req.header('cookie')));
    if (!url)
      throw new HoldfastError('not-found', 'The identity provider has no place to sign out. You are signed out here.');
    return c.redirect(url.href, 303);
  });

  /**
   * Asks the provider, within the limit of failures per address. That asks the store first, so that no code is spent
   * for a session that could not be made.
   */
  async function finish(
    query: string,
    pending: PendingSignIn,
    ip: string,
    onRefusal: (reason: string) => void,
  ): Promise<FinishedSignIn> {
    const place = await takeAddressAttempt(sessions, ip, config.loginLimits).catch((error) => {
      const limited = error instanceof HoldfastError && error.code === 'rate-limited';
      metrics.recordLogin(limited ? 'limited' : 'error');
      if (limited) onRefusal('rate-limited');
      throw error;
    });
    try {
      const finished = await provider.finish(query, pending);
      await place.notFailed();
      return finished;
    } catch (error) {
      const refused = error instanceof HoldfastError && error.code === 'sign-in-failed';
      metrics.recordLogin(refused ? 'failed' : 'error');
      if (refused) onRefusal(reasonOf(error.cause));
      await (refused ? place.failed() : place.notFailed());
      throw error;
    }
  }
}

/** What the provider or the library calls it: never the message, which may repeat what was sent. */
function reasonOf(cause: unknown): string {
  const { error, code } = cause as { error?: unknown; code?: unknown };
  return String(error ?? code ?? 'unknown').slice(0, 64);
}
