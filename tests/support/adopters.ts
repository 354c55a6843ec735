// The services of docs/adopt.md, each served as its framework serves it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requireSession, type SessionStore } from '@holdfast/session';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createApp as createExpressApp } from '../../docs/adopt/express.ts';
import { createApp as createFastifyApp } from '../../docs/adopt/fastify.ts';
import { createApp as createHonoApp } from '../../docs/adopt/hono.ts';
import { createApp as createNodeServer } from '../../docs/adopt/node-http.ts';

export interface Listening {
  url: string;
  close(): unknown;
}

/** Each answers `GET /hello` and `POST /hello`, and trusts the origin `https://shop.example`. */
export const adopters: Record<string, (sessions: SessionStore) => Promise<Listening>> = {
  Hono: (sessions) => serveHono(createHonoApp(sessions)),
  'Hono, around its handler': (sessions) => {
    const options = { sessions, trustedOrigins: ['https://shop.example'] };
    const hello = requireSession(options, (c) => c.json({ hello: c.get('session').userId }));
    return serveHono(new Hono().on(['GET', 'POST'], '/hello', hello));
  },
  Express: (sessions) => listening(createServer(createExpressApp(sessions)).listen(0, '127.0.0.1')),
  Fastify: async (sessions) => {
    const app = createFastifyApp(sessions);
    return { url: await app.listen({ host: '127.0.0.1', port: 0 }), close: () => app.close() };
  },
  'Node’s http': (sessions) => listening(createNodeServer(sessions).listen(0, '127.0.0.1')),
};

/** Any Hono app, on a port of its own. */
export async function serveHono({ fetch }: { fetch: Parameters<typeof serve>[0]['fetch'] }): Promise<Listening> {
  return await listening(serve({ fetch, hostname: '127.0.0.1', port: 0 }) as ReturnType<typeof createServer>);
}

/** Any server of Node's, once it listens. */
export async function listening(server: ReturnType<typeof createServer>): Promise<Listening> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}
