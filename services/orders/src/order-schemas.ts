import { z } from '@hono/zod-openapi';

export const newOrderSchema = z
  .strictObject({
    sku: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -'),
    quantity: z.int().min(1).max(1000),
  })
  .openapi('NewOrder');

export type NewOrder = z.output<typeof newOrderSchema>;

export const orderSchema = z
  .object({ id: z.uuid(), sku: z.string(), quantity: z.int(), createdAt: z.iso.datetime() })
  .openapi('Order');

export type OrderView = z.output<typeof orderSchema>;

/** Opaque, and the caller's own: two users may use the same key (draft-ietf-httpapi-idempotency-key-header). */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional(),
});

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(200).optional().openapi({ description: 'The `nextCursor` of the page before' }),
});

export const orderParams = z.object({ id: z.uuid() });
