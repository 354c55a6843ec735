import { randomUUID } from 'node:crypto';
import {
  clearKeptForm,
  createPages,
  type FormWords,
  formBody,
  formWords,
  htmlContent,
  htmlContents,
  noticeName,
  pickFields,
  renderPage,
  requireOwner,
  seeOther,
} from '@holdfast/pages';
import { type ServiceApp, visitorSecurity } from '@holdfast/runtime';
import { type AuthenticateOptions, authenticate, requireSession, type SessionVariables } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import { parseCursor } from '../order-cursor.ts';
import type { OrderRepository } from '../order-repository.ts';
import { newOrderSchema } from '../order-schemas.ts';
import { ordersPage } from '../pages/orders-page.ts';
import type { CallerVariables } from '../require-caller.ts';

const PAGE_SIZE = 20;
const unavailable = { 503: 'A store can’t answer: try again' };

const show = createRoute({
  method: 'get',
  path: '/',
  operationId: 'ordersPage',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'The page of the caller’s orders, with a form to place one',
  request: {
    query: z.object({
      cursor: z.string().max(200).optional(),
      placed: noticeName(['new', 'again']),
    }),
  },
  responses: {
    200: htmlContent('The orders'),
    303: seeOther,
    ...htmlContents({ 400: 'Not a cursor', ...unavailable }),
  },
});

const place = createRoute({
  method: 'post',
  path: '/',
  operationId: 'placeOrderByForm',
  tags: ['pages'],
  security: visitorSecurity,
  summary: 'Place an order by form, once for each key',
  request: {
    body: formBody(
      z.object({
        sku: z.string().max(256),
        quantity: z.string().max(16),
        key: z.uuid().openapi({ format: 'uuid' }),
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
    307: { description: 'No live session: the form goes to auth, which keeps it until after the sign-in' },
    ...htmlContents({
      403: 'Sent by another site, or typed by another user',
      422: 'Not an order, or the key of another one',
      ...unavailable,
    }),
  },
});

const notices = { new: 'Your order is placed.', again: 'This order had been placed already: it was not placed twice.' };

export interface OrdersPageRoutesOptions extends AuthenticateOptions {
  orders: OrderRepository;
  servedBy?: string | undefined;
}

/** `/orders`: everybody's own, as a page. */
export function addOrdersPage(
  app: ServiceApp<CallerVariables>,
  { orders, servedBy, ...options }: OrdersPageRoutesOptions,
): void {
  const pages = createPages<SessionVariables>({ trustedOrigins: options.trustedOrigins, servedBy });
  const guard = requireSession(options);

  pages.openapi({ ...show, middleware: guard }, async (c) => {
    const { userId } = c.get('session');
    const { cursor, placed } = c.req.valid('query');
    const page = await orders.list(userId, PAGE_SIZE, cursor === undefined ? undefined : parseCursor(cursor));
    const notice = placed && notices[placed];
    return renderPage(c, ordersPage({ page, userId, idempotencyKey: randomUUID(), notice }));
  });

  pages.openapi(place, async (c) => {
    const form = c.req.valid('form');
    const { key, quantity, owner } = form;
    const sku = form.sku.trim();
    // Before anything is asked that may not answer: what was typed is kept, whatever comes.
    c.set('formFields', pickFields(formWords.get('/orders') as FormWords, { ...form, sku }));
    const session = await authenticate(c.req.method, (name) => c.req.header(name), options);
    c.set('session', session);
    const { userId } = session;
    requireOwner(owner, userId);
    const order = newOrderSchema.safeParse({ sku, quantity: Number(quantity) });
    if (!order.success) {
      const problem = `Please mend your order: ${order.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}.`;
      const page = await orders.list(userId, PAGE_SIZE);
      return renderPage(c, ordersPage({ page, userId, idempotencyKey: key, refused: { problem, sku, quantity } }), 422);
    }
    const { created } = await orders.create(userId, order.data, key);
    clearKeptForm(c);
    return c.redirect(`/orders?placed=${created ? 'new' : 'again'}`, 303);
  });

  app.route('/orders', pages);
}
