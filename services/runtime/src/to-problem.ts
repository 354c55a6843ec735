import type { HoldfastError } from '@holdfast/session';

/** The parts of an answer. As text, because a copied stream would have to go out in chunks. */
export interface Problem {
  body: string;
  init: { status: number; headers: Record<string, string> };
}

/** The error as its answer, with members of its own beside the standard ones (RFC 9457, section 3.2). */
export function toProblem(error: HoldfastError, requestId: string, members: object = {}): Problem {
  const body = JSON.stringify({ ...error.toProblem(requestId), ...members });
  return { body, init: { status: error.status, headers: error.toHeaders() } };
}
