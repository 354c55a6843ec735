import { HoldfastError } from '@holdfast/session';
import type { Hono } from 'hono';
import type { Health } from './create-health.ts';
import type { ServiceEnv } from './service-context.ts';
import { toProblem } from './to-problem.ts';

/**
 * `/livez` says that the process runs and asks nobody: a restart mends no Redis. `/readyz` says whether requests should
 * come here, and names what is missing. `?exclude=redis` leaves a check out, as Kubernetes' own health endpoints do: while
 * something that all replicas share is down, taking them all away would only turn their 503 into a refused connection.
 */
export function addHealthRoutes(app: Hono<ServiceEnv>, health: Health): void {
  app.get('/livez', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const { ready, draining, checks } = await health.readiness(c.req.queries('exclude'));
    if (ready) return c.json({ status: 'ready', checks });
    const detail = draining ? 'This instance is shutting down.' : 'Something this service needs does not answer.';
    const { body, init } = toProblem(new HoldfastError('store-unavailable', detail), c.get('requestId'), { checks });
    return c.body(body, 503, init.headers);
  });
}
