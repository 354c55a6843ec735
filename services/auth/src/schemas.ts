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

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
  })
  .openapi('Problem', { description: 'RFC 9457' });

/** The refusals of a route, for its OpenAPI entry. */
export function problems(descriptions: Record<number, string>) {
  const content = { 'application/problem+json': { schema: problemSchema } };
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [status, { description, content }]),
  );
}

export const json = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
