import { KEPT_FORM_COOKIE, KEPT_FORM_PATH } from '@holdfast/pages';
import { readCookies } from '@holdfast/session';
import type { Context } from 'hono';
import type { AuthEnv } from './auth-context.ts';

/** Where whoever has just signed in is led: first to the form that was kept meanwhile, if there is one. */
export function afterSignInPath(c: Context<AuthEnv>, returnTo = '/auth'): string {
  if (readCookies(c.req.header('cookie'), KEPT_FORM_COOKIE).length === 0) return returnTo;
  return `${KEPT_FORM_PATH}?${new URLSearchParams({ return_to: returnTo })}`;
}
