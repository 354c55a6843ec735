import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@holdfast/runtime';
import { afterEach, describe, expect, test } from 'vitest';
import { reservePort } from '../../../tests/support/reserve-port.ts';
import { createApp } from './create-app.ts';
import { createUpstream } from './create-upstream.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A replica that tells of itself and of what reached it. */
async function startReplica(
  name: string,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void = (request, response, body) => {
    response.setHeader('set-cookie', ['a=1; Path=/', 'b=2; Path=/']);
    response.setHeader('content-type', 'application/json');
    const { method, url, headers } = request;
    response.end(JSON.stringify({ name, method, url, headers, body }));
  },
): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, response, body);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const nobody = async () => `http://127.0.0.1:${await reservePort()}`;

function createEdge(auth: string[], orders: string[] = auth, patienceMs = 2000) {
  const logger = createLogger({ service: 'edge', level: 'silent' });
  const app = createApp({
    auth: createUpstream({ urls: auth, patienceMs }),
    orders: createUpstream({ urls: orders, patienceMs }),
    logger,
  });
  return (path: string, init?: RequestInit) => app.request(`http://edge.example${path}`, init);
}

// biome-ignore lint/suspicious/noExplicitAny: what the replica above answers
const read = async (response: Response): Promise<any> => response.json();

describe('a request', () => {
  test.each([
    ['/orders', 'orders'],
    ['/orders?cursor=x', 'orders'],
    ['/v1/orders/1', 'orders'],
    ['/ordersmith', 'auth'],
    ['/', 'auth'],
    ['/auth/devices', 'auth'],
    ['/v1/sessions', 'auth'],
    ['/.well-known/jwks.json', 'auth'],
  ])('for %s goes to %s, as it was sent', async (path, name) => {
    const ask = createEdge([await startReplica('auth')], [await startReplica('orders')]);
    const reply = await read(await ask(path, { headers: { cookie: 'c=3', 'sec-fetch-site': 'same-origin' } }));
    expect(reply).toMatchObject({ name, method: 'GET', url: path });
    expect(reply.headers).toMatchObject({ cookie: 'c=3', 'sec-fetch-site': 'same-origin' });
  });

  test('carries its body, and the answer all of its cookies and no redirect that was followed', async () => {
    const moved = await startReplica('orders', (_request, response) => {
      response.writeHead(303, { location: '/elsewhere' }).end();
    });
    const ask = createEdge([await startReplica('auth')], [moved]);
    const response = await ask('/v1/sessions', { method: 'POST', body: 'a=1&b=2' });
    expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2; Path=/']);
    expect(await read(response)).toMatchObject({ method: 'POST', body: 'a=1&b=2' });
    const redirect = await ask('/orders', { method: 'POST', body: 'x' });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([303, '/elsewhere']);
  });

  test('has one id on its way, and no client address of its own invention', async () => {
    const ask = createEdge([await startReplica('auth')]);
    const response = await ask('/v1/session', {
      headers: { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=1.2.3.4' },
    });
    const { headers } = await read(response);
    expect(headers['x-request-id']).toBe(response.headers.get('x-request-id'));
    expect(headers['x-forwarded-for']).toBe('unknown');
    expect(headers['forwarded']).toBeUndefined();
  });
});

describe('with a replica that is dead', () => {
  test('every request goes to the other one, unsafe ones too: they never got there', async () => {
    const ask = createEdge([await nobody(), await startReplica('auth-2')]);
    for (let round = 0; round < 4; round++) {
      expect(await read(await ask('/v1/session'))).toMatchObject({ name: 'auth-2' });
      expect(await read(await ask('/v1/sessions', { method: 'POST', body: 'once' }))).toMatchObject({ body: 'once' });
    }
  });

  test('a request that may have been acted on is not sent again, one that changes nothing is', async () => {
    const acted: string[] = [];
    const dying = (request: IncomingMessage, response: ServerResponse) => {
      acted.push(String(request.method));
      response.destroy();
    };
    const ask = createEdge([await startReplica('a', dying), await startReplica('b', dying)]);
    const unknown = await ask('/v1/orders', { method: 'POST', body: 'x' });
    expect([unknown.status, (await read(unknown)).code]).toEqual([503, 'outcome-unknown']);
    expect(acted).toEqual(['POST']);
    expect((await ask('/v1/orders')).status).toBe(503);
    expect(acted).toEqual(['POST', 'GET', 'GET']);
  });

  test('one that hangs is not waited for', async () => {
    const ask = createEdge([await startReplica('hung', () => {}), await startReplica('auth-2')], undefined, 100);
    for (let round = 0; round < 3; round++) expect(await read(await ask('/'))).toMatchObject({ name: 'auth-2' });
  });
});

describe('with no replica at all', () => {
  test('people get a page and programs a problem, both 503 with Retry-After, and no cookie is touched', async () => {
    const ask = createEdge([await nobody(), await nobody()]);
    const page = await ask('/auth', { headers: { cookie: '__Host-hf=x' } });
    expect([page.status, page.headers.get('retry-after'), page.headers.get('refresh')]).toEqual([503, '1', '5']);
    expect(page.headers.get('set-cookie')).toBeNull();
    expect(await page.text()).toContain('This does not sign you out.');
    const problem = await ask('/v1/session');
    expect([problem.status, problem.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await read(problem)).toMatchObject({ code: 'store-unavailable' });
  });

  test('a 503 of a replica is passed on as it is', async () => {
    const busy = await startReplica('busy', (_request, response) => {
      response.writeHead(503, { 'retry-after': '7' }).end('busy');
    });
    const response = await createEdge([busy, await startReplica('other')])('/v1/session');
    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([503, '7', 'busy']);
  });
});

test('a body that the services would not take does not get that far', async () => {
  const ask = createEdge([await startReplica('auth')]);
  expect((await ask('/v1/sessions', { method: 'POST', body: 'x'.repeat(70_000) })).status).toBe(413);
});
