import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { HoldfastError } from './holdfast-error.ts';

/**
 * For `app.onError`: answers a `HoldfastError` as Hono does by itself, at a fraction of what it costs there, where the
 * answer is copied as a stream. Whatever else was thrown is 500, and logged.
 */
export function answerProblem(error: Error, c: Context): Response {
  if (error instanceof HoldfastError) {
    return c.body(JSON.stringify(error.toProblem()), error.status as ContentfulStatusCode, error.toHeaders());
  }
  console.error(error);
  return c.text('Internal Server Error', 500);
}
