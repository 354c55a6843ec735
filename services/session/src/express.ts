import type { RequestHandler } from 'express';
import { type AuthenticateOptions, authenticate } from './authenticate.ts';
import { HoldfastError } from './holdfast-error.ts';
import { readNodeHeader } from './read-node-header.ts';
import type { Session } from './session-record.ts';

declare global {
  namespace Express {
    interface Request {
      /** What `requireSession` found, behind it only. Not `session`: express-session and @fastify/session own that name. */
      holdfastSession: Session;
    }
  }
}

/**
 * Express 5 middleware: lets a request with a live session through, as `request.holdfastSession`, and answers every other one
 * with the same problem+json (RFC 9457) as the Hono middleware does. An error that is no refusal goes to the error handler.
 */
export function requireSession(options: AuthenticateOptions): RequestHandler {
  return async (request, response, next) => {
    try {
      request.holdfastSession = await authenticate(request.method, readNodeHeader(request), options);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const { status, headers } = error.getResponse();
      response.statusCode = status;
      response.setHeaders(headers);
      response.end(JSON.stringify(error.toProblem()));
      return;
    }
    next();
  };
}
