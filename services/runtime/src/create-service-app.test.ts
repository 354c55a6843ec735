import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HoldfastError } from '@holdfast/session';
import { getRequestListener } from '@hono/node-server';
import { createRoute, z } from '@hono/zod-openapi';
import { expect, test } from 'vitest';
import { createHealth } from './create-health.ts';
import { createLogger } from './create-logger.ts';
import { createServiceApp, type ServiceAppOptions } from './create-service-app.ts';
import { requestLog } from './service-context.ts';
import { createServiceMetrics } from './service-metrics.ts';

const echo = createRoute({
  method: 'post',
  path: '/echo/{id}',
  request: {
    params: z.object({ id: z.uuid() }),
    query: z.object({ n: z.coerce.number().optional() }),
    body: {
      required: true,
      content: { 'application/json': { schema: z.strictObject({ 'a/b': z.string(), list: z.array(z.int()) }) } },
    },
  },
  responses: { 200: { description: 'the same', content: { 'application/json': { schema: z.looseObject({}) } } } },
});

function createTestApp(options: Partial<ServiceAppOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ service: 'test', level: 'info', destination });
  const health = createHealth({ checks: {} });
  const app = createServiceApp({
    title: 't',
    version: '1',
    logger,
    health,
    metrics: createServiceMetrics(),
    ...options,
  });
  app.openapi(echo, (c) => c.json(c.req.valid('json'), 200));
  app.get('/items/:id', (c) => c.json({}));
  app.get('/raw', () => new Response('raw', { headers: { 'cache-control': 'max-age=1' } }));
  app.get('/logs', (c) => {
    requestLog(c).info('from a handler');
    return c.json({});
  });
  app.get('/limited', () => {
    throw new HoldfastError('rate-limited', 'Too many.', { retryAfterSeconds: 7 });
  });
  app.get('/defect', () => {
    throw new TypeError('hunter2 is not a function');
  });
  app.get('/string', () => {
    throw 'hunter2';
  });
  return { app, lines };
}

const id = '0198a5f0-0000-7000-8000-000000000000';
const json = { 'content-type': 'application/json' };

test.each([
  ['GET', '/nothing', {}, 404, 'not-found'],
  ['GET', '/items', {}, 404, 'not-found'],
  ['DELETE', '/items/1', {}, 405, 'invalid-request'],
  ['GET', `/echo/${id}`, {}, 405, 'invalid-request'],
  ['POST', `/echo/${id}`, { headers: json, body: '{"a' }, 400, 'invalid-request'],
  ['POST', `/echo/${id}`, { headers: json, body: '' }, 400, 'invalid-request'],
  ['POST', `/echo/${id}`, { headers: json, body: '{}' }, 422, 'invalid-request'],
  ['POST', `/echo/${id}`, { headers: { 'content-type': 'text/plain' }, body: '{}' }, 415, 'invalid-request'],
  ['POST', `/echo/${id}`, { body: new Uint8Array([123, 125]) }, 415, 'invalid-request'],
  ['POST', `/echo/${id}`, { headers: json, body: `"${'x'.repeat(70_000)}"` }, 413, 'invalid-request'],
  ['POST', `/echo/${id}?n=x`, { headers: json, body: '{}' }, 400, 'invalid-request'],
  ['POST', '/echo/1', { headers: json, body: '{}' }, 404, 'not-found'],
  ['GET', '/limited', {}, 429, 'rate-limited'],
  ['GET', '/defect', {}, 500, 'internal-error'],
  ['GET', '/string', {}, 500, 'internal-error'],
] as [string, string, RequestInit, number, string][])(
  '%s %s %j is answered %d %s',
  async (method, path, init, status, code) => {
    const response = await createTestApp().app.request(path, { method, ...init });
    const problem = (await response.json()) as Record<string, unknown>;
    expect([response.status, problem['code']]).toEqual([status, code]);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(problem).toMatchObject({
      status,
      title: expect.any(String),
      requestId: response.headers.get('x-request-id'),
    });
    expect(JSON.stringify(problem)).not.toMatch(/hunter2|\bat \/|\.ts:/);
  },
);

test('the answer to a wrong body points at what is wrong, and does not repeat it', async () => {
  const body = JSON.stringify({ 'a/b': 17_171_717, list: [1, 'hunter2'] });
  const response = await createTestApp().app.request(`/echo/${id}`, { method: 'POST', headers: json, body });
  const text = await response.text();
  expect((JSON.parse(text) as { errors: unknown }).errors).toEqual([
    { pointer: '#/a~1b', detail: expect.any(String) },
    { pointer: '#/list/1', detail: expect.any(String) },
  ]);
  expect(text).not.toMatch(/hunter2|17171717/);
});

test('405 and OPTIONS name the methods; HEAD answers as GET without a body', async () => {
  const { app } = createTestApp();
  expect((await app.request('/items/1', { method: 'PUT' })).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  const options = await app.request(`/echo/${id}`, { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  const head = await app.request('/items/1', { method: 'HEAD' });
  expect([head.status, await head.text(), head.headers.get('x-request-id') !== null]).toEqual([200, '', true]);
});

/** Asks by a real connection, where the standard headers are set on Node's own reply. */
async function askByHttp({ fetch: handle }: ReturnType<typeof createTestApp>['app'], path: string): Promise<Response> {
  const server = createServer(getRequestListener(handle)).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    return await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  } finally {
    server.close();
  }
}

test.each(['/livez', '/nothing', '/raw', '/limited', '/defect', '/string', '/openapi.json'])(
  'the reply to %s has the standard headers, each once, whether or not by way of Node',
  async (path) => {
    const { app } = createTestApp({ servedBy: 'test-1' });
    const own = { '/raw': 'max-age=1', '/openapi.json': 'public, max-age=300' }[path] ?? 'no-store';
    for (const response of [await app.request(path), await askByHttp(app, path)]) {
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(response.headers.get('x-served-by')).toBe('test-1');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(response.headers.get('cache-control')).toBe(own);
      expect(response.headers.has('x-powered-by')).toBe(false);
      await response.text();
    }
  },
);

test('the instance is told only where that is asked for', async () => {
  expect((await createTestApp().app.request('/livez')).headers.has('x-served-by')).toBe(false);
});

test.each([
  ['a-proxy.1_id', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['a b', false],
  ['"quoted"', false],
  ['', false],
])('a request id %j from outside is kept: %s', async (requestId, kept) => {
  const response = await createTestApp().app.request('/livez', { headers: { 'x-request-id': requestId } });
  expect(response.headers.get('x-request-id') === requestId).toBe(kept);
});

test('a body whose length is not known is cut off at the limit', async () => {
  let pulled = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new Uint8Array(16 * 1024));
      if (pulled === 1000) controller.close();
    },
  });
  const request = new Request(`http://localhost/echo/${id}`, { method: 'POST', headers: json, body, duplex: 'half' });
  expect((await createTestApp().app.request(request)).status).toBe(413);
  expect(pulled).toBeLessThan(10);
});

test('a body that breaks off is the client’s mistake, and nobody is woken for it', async () => {
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) });
  const { app, lines } = createTestApp();
  const request = new Request(`http://localhost/echo/${id}`, { method: 'POST', headers: json, body, duplex: 'half' });
  expect((await app.request(request)).status).toBe(400);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a request is one line, with route and id, and without query, headers or body', async () => {
  const { app, lines } = createTestApp();
  const headers = { ...json, 'x-request-id': 'r1', cookie: '__Host-hf=hunter2', authorization: 'Bearer hunter2' };
  const body = JSON.stringify({ 'a/b': 'hunter2', list: [] });
  await app.request(`/echo/${id}?n=1&password=hunter2`, { method: 'POST', headers, body });
  await app.request('/nothing/hf1_hunter2');
  await app.request('/livez');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatchObject({ requestId: 'r1', method: 'POST', route: '/echo/:id', status: 200, msg: 'request' });
  expect(lines[1]).toMatchObject({ path: '/nothing/hf1_[redacted]', status: 404, code: 'not-found' });
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test('a defect is logged with its stack, under the request id the client was told', async () => {
  const { app, lines } = createTestApp();
  const response = await app.request('/defect');
  const line = lines.find(({ level }) => level === 'error');
  expect(line).toMatchObject({ requestId: response.headers.get('x-request-id') });
  expect(JSON.stringify(line)).toContain('hunter2 is not a function');
});

test('what a handler logs has the request id', async () => {
  const { app, lines } = createTestApp();
  await app.request('/logs', { headers: { 'x-request-id': 'r2' } });
  expect(lines[0]).toMatchObject({ requestId: 'r2', msg: 'from a handler' });
});

test('liveness asks nobody; readiness answers 503 as a problem that names the check', async () => {
  const health = createHealth({ checks: { redis: () => Promise.reject(new Error('down')) } });
  const { app } = createTestApp({ health });
  expect((await app.request('/livez')).status).toBe(200);
  const response = await app.request('/readyz');
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.json()).toMatchObject({ code: 'store-unavailable', checks: { redis: 'failed' } });
});
