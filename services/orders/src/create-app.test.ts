import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, createTestOrders, type TestOrders } from './orders-fixture.ts';

let service: TestOrders;
let alice: string;
let bob: string;
beforeAll(async () => {
  service = await createTestOrders();
  [alice, bob] = [await service.logIn('alice'), await service.logIn('bob')];
}, 60_000);
afterAll(() => service?.[Symbol.asyncDispose]());

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function place(cookie: string, body: unknown, key?: string): Promise<Answer> {
  return service.ask('POST', '/v1/orders', {
    cookie,
    body,
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
}

function expectProblem({ status, headers, body }: Answer, expected: { status: number; code: string }) {
  expect({ status, code: body.code }).toEqual(expected);
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject({ status, type: `urn:holdfast:problem:${body.code}`, title: expect.any(String) });
  expect(body.requestId).toBe(headers.get('x-request-id'));
}

test('an order that was placed can be read and is in the list', async () => {
  const placed = await place(alice, { sku: 'tea-1', quantity: 2 });
  expect(placed.status).toBe(201);
  const { order } = placed.body;
  expect(order).toEqual({ id: expect.stringMatching(uuid), sku: 'tea-1', quantity: 2, createdAt: expect.any(String) });
  expect(new Date(order.createdAt).toISOString()).toBe(order.createdAt);
  expect(placed.headers.get('location')).toBe(`/v1/orders/${order.id}`);
  expect((await service.ask('GET', `/v1/orders/${order.id}`, { cookie: alice })).body).toEqual({ order });
  expect((await service.ask('GET', '/v1/orders', { cookie: alice })).body.orders).toContainEqual(order);
});

describe('Idempotency-Key', () => {
  test('the same key again answers 200 and the first order', async () => {
    const first = await place(alice, { sku: 'a', quantity: 1 }, 'again');
    const second = await place(alice, { sku: 'a', quantity: 1 }, 'again');
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
  });

  test('the same key for another order is refused', async () => {
    await place(alice, { sku: 'a', quantity: 1 }, 'other');
    expectProblem(await place(alice, { sku: 'a', quantity: 2 }, 'other'), { status: 422, code: 'invalid-request' });
    expectProblem(await place(alice, { sku: 'b', quantity: 1 }, 'other'), { status: 422, code: 'invalid-request' });
  });

  test('requests with the same key at the same time make exactly one order', async () => {
    const cookie = await service.logIn('carol');
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        Array.from({ length: 30 }, () => place(cookie, { sku: 'race', quantity: 1 }, `race-${round}`)),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(29).fill(200), 201]);
      expect(new Set(answers.map(({ body }) => body.order.id)).size).toBe(1);
    }
    expect((await service.ask('GET', '/v1/orders', { cookie })).body.orders).toHaveLength(5);
  });

  test('a key is the user’s own', async () => {
    const [mine, theirs] = [
      await place(alice, { sku: 'a', quantity: 1 }, 'shared'),
      await place(bob, { sku: 'b', quantity: 9 }, 'shared'),
    ];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
  });

  test('without a key every request is an order', async () => {
    const ids = [await place(bob, { sku: 'a', quantity: 1 }), await place(bob, { sku: 'a', quantity: 1 })];
    expect(new Set(ids.map(({ body }) => body.order.id)).size).toBe(2);
  });

  test.each([' ', 'a b', 'ü', 'x'.repeat(256), ''])('a key that is none is refused: %j', async (key) => {
    expectProblem(await place(alice, { sku: 'a', quantity: 1 }, key), { status: 400, code: 'invalid-request' });
  });

  test('the longest key is taken', async () => {
    expect((await place(alice, { sku: 'a', quantity: 1 }, '~'.repeat(255))).status).toBe(201);
  });
});

test('somebody else’s order is as absent as one that never was', async () => {
  const { body } = await place(alice, { sku: 'secret', quantity: 1 });
  for (const id of [body.order.id, '0198a5f0-0000-7000-8000-000000000000', '1', 'not-a-uuid', '%00', "'"]) {
    expectProblem(await service.ask('GET', `/v1/orders/${id}`, { cookie: bob }), { status: 404, code: 'not-found' });
  }
  expect(JSON.stringify((await service.ask('GET', '/v1/orders', { cookie: bob })).body)).not.toContain('secret');
});

describe('the list', () => {
  test('goes from new to old, page by page, and has every order once', async () => {
    const cookie = await service.logIn('dave');
    const placed: string[] = [];
    for (let n = 0; n < 23; n++) placed.unshift((await place(cookie, { sku: `n${n}`, quantity: 1 })).body.order.sku);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? '' : `&cursor=${cursor}`;
      const { body } = await service.ask('GET', `/v1/orders?limit=10${query}`, { cookie });
      seen.push(...body.orders.map(({ sku }: { sku: string }) => sku));
      cursor = body.nextCursor;
    } while (cursor !== undefined && seen.length < 100);
    expect([...seen].sort()).toEqual([...placed].sort());
    expect(seen).toHaveLength(23);
    const times = (await service.ask('GET', '/v1/orders?limit=100', { cookie })).body.orders.map(
      ({ createdAt }: { createdAt: string }) => createdAt,
    );
    expect(times).toEqual(times.toSorted().reverse());
  });

  test('ends without a cursor, also when the last page is full', async () => {
    const cookie = await service.logIn('erin');
    await Promise.all([1, 2].map((quantity) => place(cookie, { sku: 'x', quantity })));
    expect((await service.ask('GET', '/v1/orders?limit=2', { cookie })).body).not.toHaveProperty('nextCursor');
    expect((await service.ask('GET', '/v1/orders?limit=1', { cookie })).body).toHaveProperty('nextCursor');
  });

  test.each([
    'limit=0',
    'limit=101',
    'limit=abc',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'cursor=x',
    'cursor=',
    `cursor=${Buffer.from("1.0198a5f0-0000-7000-8000-00000000000'").toString('base64url')}`,
    `cursor=${Buffer.from('999999999999999.zzz').toString('base64url')}`,
    `cursor=${'x'.repeat(201)}`,
  ])('a query that is none is refused: %s', async (query) => {
    const answer = await service.ask('GET', `/v1/orders?${query}`, { cookie: alice });
    expectProblem(answer, { status: 400, code: 'invalid-request' });
  });
});

describe('bad bodies', () => {
  test.each([
    ['malformed JSON', '{"sku":', 400],
    ['nothing', '', 400],
    ['an array', [], 422],
    ['null', 'null', 422],
    ['no quantity', { sku: 'a' }, 422],
    ['a quantity of text', { sku: 'a', quantity: '1' }, 422],
    ['a quantity of zero', { sku: 'a', quantity: 0 }, 422],
    ['too many', { sku: 'a', quantity: 1001 }, 422],
    ['a part of one', { sku: 'a', quantity: 1.5 }, 422],
    ['more than there is', '{"sku":"a","quantity":1e309}', 422],
    ['an empty sku', { sku: '', quantity: 1 }, 422],
    ['a long sku', { sku: 'x'.repeat(65), quantity: 1 }, 422],
    ['a sku with a line end', { sku: 'a\n', quantity: 1 }, 422],
    ['a sku with a null byte', { sku: 'a\0', quantity: 1 }, 422],
    ['a member too many', { sku: 'a', quantity: 1, userId: 'bob' }, 422],
    ['a megabyte', `"${'x'.repeat(1_000_000)}"`, 413],
  ] as const)('%s', async (_, body, status) => {
    expectProblem(await place(alice, body), { status, code: 'invalid-request' });
  });

  test('another content type', async () => {
    const headers = { 'content-type': 'text/plain' };
    const answer = await service.ask('POST', '/v1/orders', {
      cookie: alice,
      body: '{"sku":"a","quantity":1}',
      headers,
    });
    expectProblem(answer, { status: 415, code: 'invalid-request' });
  });

  test('the answer names the members that are wrong, and not what they were', async () => {
    const { body } = await place(alice, { sku: 'my secret', quantity: 'hunter2' });
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['#/sku', '#/quantity']);
    expect(JSON.stringify(body)).not.toMatch(/my secret|hunter2/);
  });
});

test('unknown paths and methods are 404 and 405, also without a session', async () => {
  expectProblem(await service.ask('GET', '/v1/nothing'), { status: 404, code: 'not-found' });
  const answer = await service.ask('DELETE', '/v1/orders');
  expectProblem(answer, { status: 405, code: 'invalid-request' });
  expect(answer.headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS');
});

test('the OpenAPI document describes every route', async () => {
  const { body } = await service.ask('GET', '/openapi.json');
  expect(Object.keys(body.paths)).toEqual(['/v1/orders', '/v1/orders/{id}', '/orders']);
  expect(body.paths['/v1/orders'].get.security).toEqual([{ sessionCookie: [] }, { bearer: [] }]);
  expect(body.components.securitySchemes.sessionCookie.name).toBe('__Host-hf');
  expect(Object.keys(body.paths['/v1/orders'].post.responses)).toContain('422');
});
