import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';

/** The pattern of the route that answers, such as `/v1/orders/:id`; undefined where there is none (404, 405). */
export function matchedRoute(c: Context): string | undefined {
  return matchedRoutes(c).findLast((route) => route.method !== 'ALL')?.path;
}
