import { z } from '@hono/zod-openapi';

/** A page, for a route's OpenAPI entry. */
export function htmlContent(description: string) {
  return { description, content: { 'text/html': { schema: z.string() } } };
}

/** Refusals that are pages, by status, for a route's OpenAPI entry. */
export function htmlContents<S extends number>(descriptions: Record<S, string>) {
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, description]) => [status, htmlContent(String(description))]),
  );
}

/** A form, for a route's OpenAPI entry. */
export function formBody<S extends z.ZodType>(schema: S) {
  return { required: true, content: { 'application/x-www-form-urlencoded': { schema } } } as const;
}

/** Where a page leads on to, for a route's OpenAPI entry (RFC 9110, section 15.4.4). */
export const seeOther = { description: 'Leads to the next page; without a live session to the sign-in page' };

/** What a page has to tell of the form that led to it, as a parameter of its query; anything else tells nothing. */
export function noticeName<const T extends readonly [string, ...string[]]>(names: T) {
  return z
    .enum(names)
    .optional()
    .catch(undefined)
    .openapi({ type: 'string', enum: [...names] });
}
