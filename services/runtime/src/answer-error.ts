import { HoldfastError } from '@holdfast/session';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { requestLog, type ServiceEnv } from './service-context.ts';
import { toProblem } from './to-problem.ts';
import { toFieldMistakes } from './validation-hook.ts';

/**
 * Whatever a handler threw, as problem+json. Errors that are not ours are defects: they are logged with their stack,
 * and the client learns only the request id to ask about.
 *
 * @param accepted the media types of bodies that the route takes
 */
export function answerError(thrown: Error, c: Context<ServiceEnv>, accepted?: readonly string[]): Response {
  const error = toHoldfastError(thrown, c, accepted);
  const errors = toFieldMistakes(error);
  const { body, init } = toProblem(error, c.get('requestId'), errors.length === 0 ? {} : { errors });
  return c.body(body, init.status as ContentfulStatusCode, init.headers);
}

/** The refusal that a thrown error comes to. A defect is logged here; everything else is left for the request's log line. */
export function toHoldfastError(
  thrown: Error,
  c: Context<ServiceEnv>,
  accepted: readonly string[] = ['application/json'],
): HoldfastError {
  const error = translate(thrown, accepted);
  if (error.status === 500) requestLog(c).error({ err: thrown }, 'a request failed for a reason nobody foresaw');
  else c.error = error;
  return error;
}

function translate(thrown: Error, accepted: readonly string[]): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  if (thrown instanceof HTTPException) {
    // What Hono and its validators refuse before a handler runs.
    switch (thrown.status) {
      case 400: {
        const form = accepted.every((type) => type.includes('form'));
        return new HoldfastError('invalid-request', `The body is not ${form ? 'a valid form' : 'valid JSON'}.`, {
          cause: thrown,
        });
      }
      case 415: {
        const headers = { 'accept-post': accepted.join(', ') };
        const detail = `The body must be sent as ${accepted.join(' or ')}.`;
        return new HoldfastError('invalid-request', detail, { status: 415, cause: thrown, headers });
      }
    }
  }
  return new HoldfastError('internal-error', 'Something went wrong on our side.', { cause: thrown });
}
