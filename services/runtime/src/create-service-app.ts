import { OpenAPIHono } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { addHealthRoutes } from './add-health-routes.ts';
import { answerError } from './answer-error.ts';
import { answerUnrouted } from './answer-unrouted.ts';
import { acceptedTypes, createApiDocument } from './create-api-document.ts';
import type { Health } from './create-health.ts';
import type { Logger } from './create-logger.ts';
import { identifyRequests } from './identify-requests.ts';
import { limitBody } from './limit-body.ts';
import { securitySchemes } from './response-contents.ts';
import type { ServiceEnv } from './service-context.ts';
import type { ServiceMetrics } from './service-metrics.ts';
import { traceRequests } from './trace-requests.ts';
import { validationHook } from './validation-hook.ts';

export interface ServiceAppOptions {
  /** For the OpenAPI document. */
  title: string;
  version: string;
  description?: string;
  /** What the tags of the routes stand for, likewise. */
  tags?: Readonly<Record<string, string>>;
  logger: Logger;
  health: Health;
  metrics: ServiceMetrics;
  /** Whether spans are recorded; see {@link traceRequests}. */
  tracing?: boolean;
  /** The instance's name, where replies may tell it (`x-served-by`). */
  servedBy?: string | undefined;
  /** The largest body in bytes; default 64 KiB. */
  maxBodyBytes?: number;
}

export type ServiceApp<V extends object = object> = OpenAPIHono<ServiceEnv<V>>;

/**
 * An app with all that a service has besides its routes: request ids, standard headers, logs, spans and measurements,
 * the body limit, problem+json for every error, `/livez`, `/readyz` and `/openapi.json`. Routes are added with
 * `app.openapi()`; their schemas are the only validation of a request. Opens no sockets.
 */
export function createServiceApp<V extends object = object>(options: ServiceAppOptions): ServiceApp<V> {
  const { title, version, description, tags, logger, health, metrics, tracing = false, servedBy } = options;
  const app = new OpenAPIHono<ServiceEnv>({ defaultHook: validationHook });
  app.use(traceRequests(metrics, tracing), identifyRequests({ logger, servedBy }));
  app.use(limitBody(options.maxBodyBytes ?? 64 * 1024));
  app.onError((thrown, c) => answerError(thrown, c, acceptedTypes(app, c)));
  app.notFound(answerUnrouted(app));
  addHealthRoutes(app as unknown as Hono<ServiceEnv>, health);
  let document: object | undefined;
  for (const [name, scheme] of Object.entries(securitySchemes)) {
    app.openAPIRegistry.registerComponent('securitySchemes', name, scheme);
  }
  app.get('/openapi.json', (c) => {
    document ??= createApiDocument(app, { title, version, description, tags });
    return c.json(document, 200, { 'cache-control': 'public, max-age=300' });
  });
  return app as unknown as ServiceApp<V>;
}
