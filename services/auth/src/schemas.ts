import { z } from '@hono/zod-openapi';

export const sessionSchema = z
  .object({
    id: z.string(),
    userId: z.string(),
    roles: z.array(z.string()),
    createdAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    idleExpiresAt: z.iso.datetime(),
    absoluteExpiresAt: z.iso.datetime(),
    current: z.boolean(),
    device: z.object({ userAgent: z.string(), ip: z.string() }),
  })
  .openapi('Session');

/** What a route answers that gave the session its next token. */
export const rotatedSchema = z.object({ session: sessionSchema, token: z.string().optional() });
