import { SESSION_COOKIE } from '@holdfast/session';
import { z } from '@hono/zod-openapi';

/** RFC 9457. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    requestId: z.string(),
  })
  .openapi('Problem', { description: 'RFC 9457' });

/** A reply in JSON, for a route's OpenAPI entry. */
export function jsonContent<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** The refusals of a route by status, for its OpenAPI entry. */
export function problemContents<S extends number>(descriptions: Record<S, string>) {
  const content = { 'application/problem+json': { schema: problemSchema } };
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [
      status,
      { description: String(description), content },
    ]),
  );
}

/** How a caller says who they are, for the OpenAPI document: the session by cookie, or a bearer token. */
export const securitySchemes = {
  sessionCookie: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
  bearer: { type: 'http', scheme: 'bearer' },
} as const;

/** For a route that takes either. */
export const callerSecurity: Record<string, string[]>[] = [{ sessionCookie: [] }, { bearer: [] }];

/** For a page, which leads whoever has no session to the sign-in page. */
export const visitorSecurity: Record<string, string[]>[] = [{ sessionCookie: [] }, {}];
