import type { HoldfastError } from '@holdfast/session';

/** The parts of an answer. As text, because a copied stream would have to go out in chunks. */
export interface Problem {
  body: string;
  init: { status: number; headers: Headers };
}

/** The error as its answer, with members of its own beside the standard ones (RFC 9457, section 3.2). */
export function toProblem(error: HoldfastError, requestId: string, members: object = {}): Problem {
  const { status, headers } = error.getResponse(requestId);
  return { body: JSON.stringify({ ...error.toProblem(requestId), ...members }), init: { status, headers } };
}
