import {
  clearKeptForm,
  formBody,
  formWords,
  htmlContent,
  htmlContents,
  KEPT_FORM_PATH,
  keptFormPath,
  OWNER_FIELD,
  type Pages,
  parseReturnPath,
  pickFields,
  renderPage,
  seeOther,
  signInPath,
  wasUnconfirmed,
} from '@holdfast/pages';
import { visitorSecurity } from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { AuthServices, AuthVariables } from '../auth-context.ts';
import { readKeptFormCookie, setKeptFormCookie } from '../kept-form-cookie.ts';
import { keptFormPage } from '../pages/kept-form-page.ts';
import { requireOwnSession } from '../require-own-session.ts';

const path = KEPT_FORM_PATH.replace(/^\/auth/, '');

const keep = createRoute({
  method: 'post',
  path,
  operationId: 'keepForm',
  tags: ['pages'],
  summary: 'Keep a form of this site, encrypted in a cookie for ten minutes, while its sender signs in again',
  request: {
    query: z.object({
      to: z.string().max(512).openapi({ description: 'The path that the form was sent to' }),
      reason: z.string().max(64).default('session-unknown'),
    }),
    body: formBody(z.record(z.string(), z.string().max(256))),
  },
  responses: {
    303: { description: 'To the sign-in page' },
    ...htmlContents({
      400: 'A query that is too long',
      403: 'Sent by another site',
      404: 'Not a form that is kept',
      422: 'Not such a form',
    }),
  },
});

const show = createRoute({
  method: 'get',
  path,
  operationId: 'keptFormPage',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'The page of a form that was kept, for the user whose form it was',
  request: { query: z.object({ return_to: z.string().optional() }) },
  responses: {
    200: htmlContent('The form, to be sent by its button'),
    303: seeOther,
    ...htmlContents({ 503: 'The store can’t answer' }),
  },
});

/**
 * `/auth/kept-form`: what somebody typed outlives the end of their session. Only pages of this site can have it kept (CSRF), only
 * the user on whose page the form was is shown it, and only that person's press of the button sends it.
 */
export function addKeptFormPages(pages: Pages<AuthVariables>, services: AuthServices): void {
  const { keys } = services;
  const cookieKeys = () => keys.derive('kept-form');

  pages.openapi(keep, async (c) => {
    const { to, reason } = c.req.valid('query');
    const words = formWords.get(to);
    const fields = words && pickFields(words, c.req.valid('form'));
    if (!fields || keptFormPath(to, fields, reason) === undefined) {
      throw new HoldfastError('not-found', 'There is no such form to keep.');
    }
    c.header('set-cookie', await setKeptFormCookie(cookieKeys(), { path: to, fields }), { append: true });
    return c.redirect(signInPath(to, reason), 303);
  });

  pages.openapi({ ...show, middleware: requireOwnSession(services) }, async (c) => {
    const kept = await readKeptFormCookie(cookieKeys(), c.req.header('cookie'));
    const words = kept && formWords.get(kept.path);
    if (!words || kept.fields[OWNER_FIELD] !== c.get('session').userId) {
      clearKeptForm(c);
      return c.redirect(parseReturnPath(c.req.valid('query').return_to) ?? '/auth', 303);
    }
    return renderPage(c, keptFormPage({ ...kept, words, unconfirmed: wasUnconfirmed(kept.fields) }));
  });
}
