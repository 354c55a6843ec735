import type { onRequestAsyncHookHandler } from 'fastify';
import { type AuthenticateOptions, authenticate } from './authenticate.ts';
import { HoldfastError } from './holdfast-error.ts';
import { readNodeHeader } from './read-node-header.ts';
// Under a name of its own: @fastify/session puts a `Session` into Fastify's module.
import type { Session as HoldfastSession } from './session-record.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What `requireSession` found, behind it only. Not `session`: express-session and @fastify/session own that name. */
    holdfastSession: HoldfastSession;
  }
}

/**
 * Fastify 5 hook for `onRequest`, of one route or of all: lets a request with a live session through, as
 * `request.holdfastSession`, and answers every other one with the same problem+json (RFC 9457) as the Hono middleware does. An
 * error that is no refusal goes to the error handler.
 */
export function requireSession(options: AuthenticateOptions): onRequestAsyncHookHandler {
  return async (request, reply) => {
    try {
      request.holdfastSession = await authenticate(request.method, readNodeHeader(request.raw), options);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const { status, headers } = error.getResponse();
      // As bytes: to a text Fastify would add a charset, which problem+json has not got.
      const body = Buffer.from(JSON.stringify(error.toProblem()));
      return reply.code(status).headers(Object.fromEntries(headers)).send(body);
    }
  };
}
