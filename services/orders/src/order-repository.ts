import { randomUUID } from 'node:crypto';
import { HoldfastError } from '@holdfast/session';
import type { Database } from './create-database.ts';
import { formatCursor, type OrderPosition } from './order-cursor.ts';
import type { NewOrder } from './order-schemas.ts';

export interface Order extends NewOrder {
  id: string;
  createdAt: Date;
}

export interface OrderPage {
  orders: Order[];
  /** Where the next page begins; absent on the last. */
  nextCursor?: string;
}

/** The orders of each user, in PostgreSQL. Every method throws `store-unavailable` when it can't be asked. */
export interface OrderRepository {
  /**
   * @param idempotencyKey with a key that this user has used already, the order that came of it
   * @throws HoldfastError `invalid-request` (422) when the key was used for another order; `outcome-unknown` when it may have
   *   been placed
   */
  create(userId: string, order: NewOrder, idempotencyKey?: string): Promise<{ order: Order; created: boolean }>;
  /** Somebody else's order is as absent as one that never was. */
  find(userId: string, id: string): Promise<Order | undefined>;
  /** Newest first. */
  list(userId: string, limit: number, after?: OrderPosition): Promise<OrderPage>;
  /** Whether PostgreSQL answers, for readiness. */
  ping(): Promise<void>;
}

export function createOrderRepository(database: Database): OrderRepository {
  return {
    create: (userId, { sku, quantity }, idempotencyKey) =>
      database.write('insert order', async (sql) => {
        // Waits for a request with the same key that is under way elsewhere, and does nothing if that one succeeds.
        const [inserted] = await sql<Order[]>`
          insert into orders (id, user_id, sku, quantity, idempotency_key)
          values (${randomUUID()}, ${userId}, ${sku}, ${quantity}, ${idempotencyKey ?? null})
          on conflict (user_id, idempotency_key) do nothing
          returning id, sku, quantity, created_at as "createdAt"`;
        if (inserted) return { order: inserted, created: true };
        // A statement of its own: the one before could not see what had been committed after it began.
        const [first] = await sql<Order[]>`
          select id, sku, quantity, created_at as "createdAt" from orders
          where user_id = ${userId} and idempotency_key = ${idempotencyKey ?? null}`;
        if (!first) throw new Error('an order that was in the way is not there');
        if (first.sku === sku && first.quantity === quantity) return { order: first, created: false };
        const detail = 'This Idempotency-Key was used for another order. Send a new key with a new order.';
        throw new HoldfastError('invalid-request', detail, { status: 422 });
      }),

    find: (userId, id) =>
      database.run('select order', async (sql) => {
        const [order] = await sql<Order[]>`
          select id, sku, quantity, created_at as "createdAt" from orders where id = ${id} and user_id = ${userId}`;
        return order;
      }),

    list: (userId, limit, after) =>
      database.run('select orders', async (sql) => {
        const position = after
          ? sql`and (created_at, id) < (${new Date(after.createdAtMs)}::timestamptz, ${after.id}::uuid)`
          : sql``;
        // One more than asked for tells whether there is another page.
        const rows = await sql<Order[]>`
          select id, sku, quantity, created_at as "createdAt" from orders
          where user_id = ${userId} ${position}
          order by created_at desc, id desc limit ${limit + 1}`;
        const orders = rows.slice(0, limit);
        const last = orders.at(-1);
        if (rows.length <= limit || !last) return { orders };
        return { orders, nextCursor: formatCursor({ createdAtMs: last.createdAt.getTime(), id: last.id }) };
      }),

    ping: async () => {
      await database.run('ping', (sql) => sql`select 1`);
    },
  };
}
