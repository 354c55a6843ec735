import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../k8s/cluster/run-command.ts';
import { formatCursor, parseCursor } from '../../services/orders/src/order-cursor.ts';
import { createTestOrders, type TestOrders } from '../../services/orders/src/orders-fixture.ts';
import { CLIENT } from '../support/auth-app.ts';
import { generateRequest, type OpenApiDocument, type Operation, operationsOf } from '../support/openapi-requests.ts';
import { startOidc } from '../support/start-oidc.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

/** Where a document is served: both apps, and auth as a process with single sign-on, whose routes only exist then. */
interface Service {
  document: OpenApiDocument;
  send: (path: string, init?: RequestInit) => Promise<Response>;
}

const names = ['auth', 'orders', 'auth with single sign-on'] as const;
type ServiceName = (typeof names)[number];

let orders: TestOrders;
let services: Record<ServiceName, Service>;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  orders = stack.use(await createTestOrders());
  const oidc = stack.use(await startOidc());
  await oidc.provider.start();
  const create = async (send: Service['send']): Promise<Service> => ({
    document: (await (await send('/openapi.json')).json()) as OpenApiDocument,
    send,
  });
  services = {
    auth: await create(async (path, init) => orders.auth.app.request(path, init)),
    orders: await create(async (path, init) => orders.app.request(path, init)),
    'auth with single sign-on': await create((path, init) =>
      fetch(oidc.auth[0].url + path, { redirect: 'manual', ...init }),
    ),
  };
});
afterAll(() => stack.disposeAsync());

/** A live session, made without the work of a password. */
async function createCookie(): Promise<{ cookie: string; bearer: string }> {
  const { token } = await orders.auth.sessions.create({
    userId: 'id-alice',
    roles: ['customer', 'admin'],
    amr: ['pwd'],
    device: { userAgent: 'fast-check', ip: '127.0.0.1' },
  });
  return { cookie: `__Host-hf=${token}`, bearer: `Bearer ${token}` };
}

const basic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;

const needsSession = ({ security = [] }: Operation) =>
  security.length > 0 && security.every((each) => 'sessionCookie' in each || 'bearer' in each);

describe.each(names)('the OpenAPI document of %s', (name) => {
  test('has operation ids, tags and servers, and says which operations need a session and what they may be refused with', () => {
    const { document } = services[name];
    const operations = operationsOf(document);
    expect(document.servers).toEqual([{ url: '/' }]);
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
    const tags = document.tags.map((tag) => tag.name);
    for (const operation of operations) {
      expect(tags, operation.operationId).toEqual(expect.arrayContaining(operation.tags ?? ['no tag']));
      expect(Object.keys(operation.responses), operation.operationId).toEqual(
        expect.arrayContaining(operation.requestBody ? ['400', '413', '415'] : ['400']),
      );
    }
  });

  test('says of exactly those operations that they need a session which answer 401 without one', async () => {
    const { document, send } = services[name];
    for (const operation of operationsOf(document).filter(({ path }) => path.startsWith('/v1/'))) {
      const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
      const { status } = await send(operation.path.replace(/\{\w+\}/, crypto.randomUUID()), {
        method: operation.method,
        headers: { 'sec-fetch-site': 'same-origin', ...(type ? { 'content-type': type } : {}) },
        ...(content ? { body: '{"username":"x","password":"x"}' } : {}),
      });
      const open = operation.operationId === 'logIn' || operation.operationId === 'introspect';
      if (!open)
        expect([operation.operationId, status === 401]).toEqual([operation.operationId, needsSession(operation)]);
    }
  });

  test('is clean for Redocly and Spectral', async () => {
    await using folder = await createTemporaryFolder('openapi');
    const file = join(folder.path, 'openapi.json');
    await writeFile(file, JSON.stringify(services[name].document));
    const rules = (tool: string) => join(import.meta.dirname, 'openapi', `${tool}.yaml`);
    await runCommand('redocly', ['lint', `--config=${rules('redocly')}`, file], {
      env: { ...process.env, REDOCLY_TELEMETRY: 'off' },
    });
    await runCommand('spectral', ['lint', '-F', 'hint', '-r', rules('spectral'), file]);
  }, 90_000);

  test('has no operation that answers a request with 5xx, whatever is in it', async () => {
    const { document, send } = services[name];
    const wanted = operationsOf(document).filter(
      ({ tags }) => name !== 'auth with single sign-on' || tags?.includes('single sign-on'),
    );
    expect(wanted.length).toBeGreaterThan(2);
    for (const operation of wanted) {
      const credentials = fc.constantFrom('cookie', 'cookie', 'cookie', 'bearer', 'none');
      const property = fc.asyncProperty(generateRequest(document, operation), credentials, async (request, kind) => {
        const { cookie, bearer } = await createCookie();
        const own = kind === 'cookie' ? { cookie } : kind === 'bearer' ? { authorization: bearer } : {};
        const body = request.body === undefined ? {} : { body: request.body.toWellFormed() };
        const { status } = await send(request.path, {
          method: operation.method,
          headers: { 'sec-fetch-site': 'same-origin', ...request.headers, ...own },
          ...body,
        });
        expect(status).toBeLessThan(500);
      });
      await fc.assert(property, { numRuns: 40 });
    }
  }, 120_000);
});

test.each(['1000000000000000', '253402300800000', '8640000000000000', '999999999999999'])(
  'a cursor at %s ms, whose year has five digits or more, is refused with 400',
  async (createdAtMs) => {
    const cursor = Buffer.from(`${createdAtMs}.${crypto.randomUUID()}`).toString('base64url');
    const cookie = await orders.logIn();
    for (const path of ['/v1/orders', '/orders']) {
      expect((await orders.ask('GET', `${path}?cursor=${cursor}`, { cookie })).status).toBe(400);
    }
  },
);

test('every position that an order can have comes back from its cursor', () => {
  const createdAtMs = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });
  fc.assert(
    fc.property(createdAtMs, fc.uuid(), (at, id) => {
      expect(parseCursor(formatCursor({ createdAtMs: at, id }))).toEqual({ createdAtMs: at, id });
    }),
  );
});

test('a form that is sent as something else, or malformed, is answered with what the route takes', async () => {
  const ask = (type: string, body: string) =>
    orders.auth.app.request('/v1/introspect', {
      method: 'POST',
      headers: { authorization: basic, 'content-type': type },
      body,
    });
  const wrongType = await ask('application/json', '{"token":"x"}');
  expect([wrongType.status, wrongType.headers.get('accept-post')]).toEqual([415, 'application/x-www-form-urlencoded']);
  expect(((await wrongType.json()) as { detail: string }).detail).toContain('application/x-www-form-urlencoded');
  const malformed = await ask('multipart/form-data; boundary=x', 'no boundary');
  expect(malformed.status).toBeLessThan(500);
  expect(await malformed.text()).not.toContain('JSON');
});
