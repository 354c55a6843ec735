import {
  clearKeptForm,
  type FormWords,
  formBody,
  formWords,
  htmlContent,
  htmlContents,
  noticeName,
  type Pages,
  pickFields,
  renderPage,
  requireOwner,
  seeOther,
} from '@holdfast/pages';
import { visitorSecurity } from '@holdfast/runtime';
import { createRoute, z } from '@hono/zod-openapi';
import type { AuthServices, AuthVariables } from '../auth-context.ts';
import { endAll, endOne } from '../end-sessions.ts';
import { accountPage } from '../pages/account-page.ts';
import { devicesPage } from '../pages/devices-page.ts';
import { requireOwnSession } from '../require-own-session.ts';

const unavailable = { 503: 'The store can’t answer' };

const showAccount = createRoute({
  method: 'get',
  path: '/',
  operationId: 'accountPage',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'The page of who is signed in',
  responses: { 200: htmlContent('Who it is, and until when'), 303: seeOther, ...htmlContents(unavailable) },
});

const showDevices = createRoute({
  method: 'get',
  path: '/devices',
  operationId: 'devicesPage',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'The page of the caller’s own live sessions',
  request: { query: z.object({ done: noticeName(['one', 'others']) }) },
  responses: { 200: htmlContent('Where the caller is signed in'), 303: seeOther, ...htmlContents(unavailable) },
});

const signOutDevices = createRoute({
  method: 'post',
  path: '/devices',
  operationId: 'signOutDevice',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'Sign out one device, or all others, by form',
  request: {
    body: formBody(
      z.object({
        session: z.string().max(64).openapi({ description: 'A session’s id, or `others`' }),
        owner: z.string().max(256).optional().openapi({ description: 'The user id of whose page the form was on' }),
        unconfirmed: z
          .literal('yes')
          .optional()
          .openapi({ description: 'It was sent before, with an unknown outcome' }),
      }),
    ),
  },
  responses: {
    303: seeOther,
    307: { description: 'No live session: the form is kept until after the sign-in' },
    ...htmlContents({
      403: 'Sent by another site, or the form of another user',
      422: 'Not such a form',
      503: 'The store can’t answer: the page keeps the form, and says whether it may have been done',
    }),
  },
});

/** How many sessions the page shows. Signing out everywhere else is for all of them. */
const SHOWN = 50;

const notices = { one: 'The device is signed out.', others: 'All other devices are signed out.' };

/** `/auth` and `/auth/devices`: for who is signed in. */
export function addAccountPages(pages: Pages<AuthVariables>, services: AuthServices): void {
  const { sessions, users, places } = services;
  const guard = requireOwnSession(services);

  pages.openapi({ ...showAccount, middleware: guard }, (c) => {
    const session = c.get('session');
    const name = users.findUsername(session.userId) ?? session.userId;
    return renderPage(c, accountPage({ session, name, nowMs: Date.now() }));
  });

  pages.openapi({ ...showDevices, middleware: guard }, async (c) => {
    const { id: currentId, userId } = c.get('session');
    const { done } = c.req.valid('query');
    const notice = done && notices[done];
    const newest = await sessions.listPage(userId, { limit: SHOWN, first: 'newest' });
    const isShown = newest.sessions.some(({ id }) => id === currentId);
    const shown = isShown ? newest.sessions : [c.get('session'), ...newest.sessions.slice(0, SHOWN - 1)];
    const { total } = newest;
    return renderPage(c, devicesPage({ sessions: shown, total, currentId, userId, nowMs: Date.now(), notice, places }));
  });

  pages.openapi(signOutDevices, async (c) => {
    const form = c.req.valid('form');
    const { session, owner } = form;
    // Before anything is asked that may not answer: which device it was is kept, whatever comes.
    c.set('formFields', pickFields(formWords.get('/auth/devices') as FormWords, form));
    await guard(c, async () => {});
    requireOwner(owner, c.get('session').userId);
    if (session === 'others') {
      await endAll(c, services, 'current');
      clearKeptForm(c);
      return c.redirect('/auth/devices?done=others', 303);
    }
    // One that is gone already is as signed out as one that was there.
    await endOne(c, services, session);
    clearKeptForm(c);
    return c.redirect(session === c.get('session').id ? '/auth/signed-out' : '/auth/devices?done=one', 303);
  });
}
