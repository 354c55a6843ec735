import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Context as TraceContext,
  trace,
} from '@opentelemetry/api';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoute } from './matched-route.ts';
import { redactPath } from './redact-path.ts';
import type { ServiceEnv } from './service-context.ts';
import { type ServiceMetrics, toKnownMethod } from './service-metrics.ts';

const tracer = trace.getTracer('@holdfast/runtime');
const headerGetter = {
  get: (c: Context, name: string) => c.req.header(name),
  keys: (c: Context) => Object.keys(c.req.header()),
};

/**
 * Measures every request, and makes its server span the active one, so that what the request does in Redis and
 * elsewhere becomes its children. A span holds the route and the path, never the query, cookies or a body.
 *
 * @param tracing where false, and the client sent no trace context, a request costs no span at all
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server
 */
export function traceRequests(metrics: ServiceMetrics, tracing: boolean): MiddlewareHandler<ServiceEnv> {
  return async function traceRequest(c, next) {
    const startedAt = performance.now();
    if (!tracing && c.req.header('traceparent') === undefined) {
      await next();
      metrics.recordRequest(c.req.method, matchedRoute(c), c.res.status, performance.now() - startedAt);
      return;
    }
    const parent = propagation.extract(ROOT_CONTEXT, c, headerGetter);
    const span = startSpan(c, parent);
    try {
      await context.with(trace.setSpan(parent, span), next);
    } finally {
      const route = matchedRoute(c);
      metrics.recordRequest(c.req.method, route, c.res.status, performance.now() - startedAt);
      endSpan(span, c, route);
    }
  };
}

function startSpan(c: Context, parent: TraceContext): Span {
  const method = toKnownMethod(c.req.method);
  const attributes = { 'http.request.method': method, 'url.path': redactPath(c.req.path), 'url.scheme': 'http' };
  return tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
}

function endSpan(span: Span, c: Context, route: string | undefined): void {
  if (span.isRecording()) {
    span.setAttribute('http.response.status_code', c.res.status);
    if (route !== undefined) {
      span.setAttribute('http.route', route);
      span.updateName(`${toKnownMethod(c.req.method)} ${route}`);
    }
    if (c.res.status >= 500) {
      span.setAttribute('error.type', String(c.res.status));
      span.setStatus({ code: SpanStatusCode.ERROR });
      if (c.error) span.recordException(c.error);
    }
  }
  span.end();
}
