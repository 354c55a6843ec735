import { answerPageError } from '@holdfast/pages';
import {
  answerError,
  createClientAddress,
  identifyRequests,
  type Logger,
  limitBody,
  type ServiceEnv,
} from '@holdfast/runtime';
import { HoldfastError } from '@holdfast/session';
import { Hono } from 'hono';
import type { Upstream } from './create-upstream.ts';

export interface EdgeAppOptions {
  auth: Upstream;
  orders: Upstream;
  logger: Logger;
}

/** As in the Ingress of charts/holdfast: what is not below one of these paths is auth's. */
const ordersPaths = ['/orders', '/v1/orders'];
/** Where people are, who get a page for an error too. */
const pagePaths = ['/auth', '/orders'];

const isBelow = (path: string, bases: readonly string[]) =>
  bases.some((base) => path === base || path.startsWith(`${base}/`));

/** One address for all services, as an Ingress gives it: browsers share a cookie, and forms and pages are of one origin. */
export function createApp({ auth, orders, logger }: EdgeAppOptions): Hono<ServiceEnv> {
  const app = new Hono<ServiceEnv>();
  const clientAddress = createClientAddress({ kind: 'none' });
  app.use(identifyRequests({ logger }));
  app.use(limitBody(64 * 1024));
  app.onError((error, c) => (isBelow(c.req.path, pagePaths) ? answerPageError(error, c) : answerError(error, c)));
  app.all('*', async (c) => {
    const { method, path, raw } = c.req;
    if (method === 'TRACE') throw new HoldfastError('invalid-request', 'There is no TRACE here.', { status: 405 });
    const headers = new Headers(raw.headers);
    headers.set('x-request-id', c.get('requestId'));
    // What a client says of itself here is no proxy's word.
    headers.set('x-forwarded-for', clientAddress(c));
    headers.delete('forwarded');
    const body = method === 'GET' || method === 'HEAD' ? undefined : await c.req.arrayBuffer();
    const upstream = isBelow(path, ordersPaths) ? orders : auth;
    const { pathname, search } = new URL(c.req.url);
    return upstream({ method, target: pathname + search, headers, body, signal: raw.signal });
  });
  return app;
}
