import { randomUUID } from 'node:crypto';
import { HoldfastError } from '@holdfast/session';
import type { Context, MiddlewareHandler } from 'hono';
import { answerError } from './answer-error.ts';
import type { Logger } from './create-logger.ts';
import { matchedRoute } from './matched-route.ts';
import { redactPath } from './redact-path.ts';
import type { ServiceEnv } from './service-context.ts';

export interface IdentifyOptions {
  logger: Logger;
  /** Goes out as `x-served-by`; undefined tells no one. */
  servedBy?: string | undefined;
}

const acceptable = /^[A-Za-z0-9._-]{1,64}$/;
/** What probes ask every few seconds: logged only where debug is. */
const probes = new Set(['/livez', '/readyz']);

/** The id a proxy gave the request, where it can go into a header and a log line as it is, else a new one. */
export function toRequestId(header: string | undefined): string {
  return header !== undefined && acceptable.test(header) ? header : randomUUID();
}

/**
 * Gives every request its id and every reply its standard headers, and writes the request's one log line. Must stand
 * before anything that can answer.
 */
export function identifyRequests({ logger, servedBy }: IdentifyOptions): MiddlewareHandler<ServiceEnv> {
  return async function identifyRequest(c, next) {
    const startedAt = performance.now();
    const requestId = toRequestId(c.req.header('x-request-id'));
    c.set('requestId', requestId);
    c.set('logger', logger);
    const headers: [string, string][] = [
      ['x-request-id', requestId],
      ['x-content-type-options', 'nosniff'],
      // Replies are one caller's own. A route that may be cached says so itself.
      ['cache-control', 'no-store'],
      // An API reply that is opened as a page may load nothing and be framed by no one (OWASP REST security).
      ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
    ];
    if (servedBy !== undefined) headers.push(['x-served-by', servedBy]);
    const reply = c.env?.outgoing;
    // On Node's own reply, where what the handler sets wins over them: a `Headers` for them costs more than a validation.
    if (reply) for (const [name, value] of headers) reply.setHeader(name, value);
    // Set beforehand they cost no copy of the reply.
    else for (const [name, value] of headers) c.header(name, value);
    await next().catch((thrown) => {
      // Hono turns Errors into answers, and only those.
      c.error = new Error('something was thrown that is no Error', { cause: thrown });
      c.res = answerError(c.error, c);
    });
    // A handler that made its Response itself does not have them yet.
    if (!reply) for (const [name, value] of headers) if (!c.res.headers.has(name)) c.header(name, value);
    logRequest(c, logger, requestId, performance.now() - startedAt);
  };
}

function logRequest(c: Context, logger: Logger, requestId: string, durationMs: number): void {
  const status = c.res.status;
  const level = probes.has(c.req.path) ? 'debug' : status >= 500 ? 'warn' : 'info';
  if (!logger.isLevelEnabled(level)) return;
  const { error } = c;
  const route = matchedRoute(c);
  const session = c.get('session') as { id?: string } | undefined;
  logger[level](
    {
      requestId,
      method: c.req.method,
      route,
      // Only where no route says it already.
      path: route === undefined ? redactPath(c.req.path) : undefined,
      status,
      durationMs: Math.round(durationMs * 10) / 10,
      sessionId: session?.id ?? c.get('sessionId'),
      code: error instanceof HoldfastError ? error.code : undefined,
      reason: status >= 500 && error?.cause instanceof Error ? error.cause.message : undefined,
    },
    'request',
  );
}
