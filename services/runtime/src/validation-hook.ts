import { HoldfastError } from '@holdfast/session';
import type { z } from 'zod';

/** What one wrong part of a request is: where it is, and what it should have been. Never what it was. */
export interface FieldMistake {
  /** JSON Pointer into the body (RFC 6901, as in RFC 9457's example). */
  pointer?: string;
  /** The parameter of the query, or the header, that is wrong. */
  parameter?: string;
  detail: string;
}

type Validation = { target: string; success: true } | { target: string; success: false; error: z.ZodError };

/**
 * What a request that its schema refuses is answered: 422 for a body that is JSON but wrong, 404 for a path that names
 * nothing, 400 for a query or a header. To be given to OpenAPIHono as `defaultHook`.
 *
 * @throws HoldfastError `invalid-request`, whose cause {@link toFieldMistakes} reads, or `not-found`
 */
export function validationHook(result: Validation): void {
  if (result.success) return;
  const { error: cause, target } = result;
  if (target === 'param') throw new HoldfastError('not-found', 'There is no such thing.');
  const where = { json: 'body', query: 'query', header: 'headers' }[target] ?? target;
  const status = target === 'json' || target === 'form' ? 422 : 400;
  throw new HoldfastError('invalid-request', `The ${where} of the request is not as it should be.`, { status, cause });
}

/** The mistakes behind an error that {@link validationHook} threw; empty for any other. */
export function toFieldMistakes(error: HoldfastError): FieldMistake[] {
  if (!isZodError(error.cause)) return [];
  return error.cause.issues.map(({ path, message }) => {
    if (error.status !== 422) return { parameter: path.join('.'), detail: message };
    const steps = path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`);
    return { pointer: `#${steps.join('')}`, detail: message };
  });
}

function isZodError(cause: unknown): cause is z.ZodError {
  return cause instanceof Error && Array.isArray((cause as z.ZodError).issues);
}
