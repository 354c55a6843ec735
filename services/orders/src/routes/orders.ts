import { callerSecurity, jsonContent, problemContents, type ServiceApp } from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import { createRoute, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { parseCursor } from '../order-cursor.ts';
import type { Order, OrderRepository } from '../order-repository.ts';
import {
  idempotencyHeaders,
  newOrderSchema,
  type OrderView,
  orderParams,
  orderSchema,
  pageQuery,
} from '../order-schemas.ts';
import type { CallerVariables } from '../require-caller.ts';

const one = z.object({ order: orderSchema });
const refusals = { 401: 'No live session and no valid JWT', 503: 'The store can’t answer now' };

const list = createRoute({
  method: 'get',
  path: '/v1/orders',
  operationId: 'listOrders',
  tags: ['orders'],
  summary: 'The caller’s orders, newest first',
  security: callerSecurity,
  request: { query: pageQuery },
  responses: {
    200: jsonContent(z.object({ orders: z.array(orderSchema), nextCursor: z.string().optional() }), 'A page of them'),
    ...problemContents({ 400: 'A limit or cursor that is none', ...refusals }),
  },
});

const create = createRoute({
  method: 'post',
  path: '/v1/orders',
  operationId: 'placeOrder',
  tags: ['orders'],
  summary: 'Place an order, once for each Idempotency-Key',
  security: callerSecurity,
  request: {
    headers: idempotencyHeaders,
    body: { required: true, content: { 'application/json': { schema: newOrderSchema } } },
  },
  responses: {
    201: jsonContent(one, 'Placed'),
    200: jsonContent(one, 'Placed by an earlier request with the same key'),
    ...problemContents({
      403: 'Sent by another site',
      422: 'Not an order, or the key of another one',
      ...refusals,
      503: 'With `outcome-unknown` it may be placed: send it again with the same key',
    }),
  },
});

const find = createRoute({
  method: 'get',
  path: '/v1/orders/{id}',
  operationId: 'getOrder',
  tags: ['orders'],
  summary: 'One order of the caller',
  security: callerSecurity,
  request: { params: orderParams },
  responses: {
    200: jsonContent(one, 'The order'),
    ...problemContents({ 404: 'There is none, or it is somebody else’s', ...refusals }),
  },
});

export interface OrderRoutesOptions {
  orders: OrderRepository;
  guard: MiddlewareHandler<{ Variables: CallerVariables }>;
}

/** `/v1/orders`: everybody's own. */
export function addOrderRoutes(app: ServiceApp<CallerVariables>, { orders, guard }: OrderRoutesOptions): void {
  app.openapi({ ...list, middleware: guard }, async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const page = await orders.list(c.get('userId'), limit, after);
    return c.json({ ...page, orders: page.orders.map(toView) }, 200);
  });

  app.openapi({ ...create, middleware: guard }, async (c) => {
    const { 'idempotency-key': key } = c.req.valid('header');
    const { order, created } = await orders.create(c.get('userId'), c.req.valid('json'), key);
    c.header('location', `/v1/orders/${order.id}`);
    return c.json({ order: toView(order) }, created ? 201 : 200);
  });

  app.openapi({ ...find, middleware: guard }, async (c) => {
    const order = await orders.find(c.get('userId'), c.req.valid('param').id);
    if (!order) throw new HoldfastError('not-found', 'There is no such order.');
    return c.json({ order: toView(order) }, 200);
  });
}

function toView({ createdAt, ...order }: Order): OrderView {
  return { ...order, createdAt: createdAt.toISOString() };
}
