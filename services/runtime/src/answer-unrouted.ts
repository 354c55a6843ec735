import { HoldfastError } from '@holdfast/session';
import type { Context, Hono } from 'hono';
import type { ServiceEnv } from './service-context.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * What is answered where no route matches: 404, or, on a path that has routes, 405 with `Allow` (RFC 9110, section
 * 15.5.6) and 204 for OPTIONS. There is no CORS: other origins have no business here.
 */
export function answerUnrouted(app: Pick<Hono<ServiceEnv>, 'router'>): (c: Context<ServiceEnv>) => Response {
  const isRouted = (method: string, path: string) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method);
  return (c) => {
    const allowed = methods.filter((method) => isRouted(method, c.req.path));
    if (allowed.length === 0) throw new HoldfastError('not-found', 'There is nothing here.');
    if (allowed.includes('GET')) allowed.push('HEAD');
    const allow = [...allowed, 'OPTIONS'].join(', ');
    if (c.req.method === 'OPTIONS') return c.body(null, 204, { allow });
    throw new HoldfastError('invalid-request', `This takes ${allow}.`, { status: 405, headers: { allow } });
  };
}
