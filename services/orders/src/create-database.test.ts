import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { reservePort } from '../../../tests/support/reserve-port.ts';
import { createDatabase } from './create-database.ts';
import { type Answer, createTestOrders, type TestOrders } from './orders-fixture.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';

let service: TestOrders;
let cookie: string;
let id: string;
beforeAll(async () => {
  service = await createTestOrders();
  cookie = await service.logIn();
  id = (await place()).body.order.id;
}, 60_000);
afterAll(() => service?.[Symbol.asyncDispose]());

const place = (key: string = crypto.randomUUID()) =>
  service.ask('POST', '/v1/orders', { cookie, body: { sku: 'a', quantity: 1 }, headers: { 'idempotency-key': key } });
const list = () => service.ask('GET', '/v1/orders', { cookie });
const find = () => service.ask('GET', `/v1/orders/${id}`, { cookie });

/** The promise: 503 with Retry-After within a second, the session untouched, and nothing hangs. */
async function expectUnavailable(placing: readonly string[] = ['store-unavailable']) {
  const startedAtMs = performance.now();
  const answers = await Promise.all([place(), list(), find()].map(timed));
  for (const [index, { answer }] of answers.entries()) {
    expect(answer.status).toBe(503);
    expect(index === 0 ? placing : ['store-unavailable']).toContain(answer.body.code);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('set-cookie')).toBeNull();
  }
  // A busy machine may hold up one, not every one.
  expect(Math.min(...answers.map(({ endedAtMs }) => endedAtMs)) - startedAtMs).toBeLessThan(1000);
  expect((await service.ask('GET', '/livez')).status).toBe(200);
  const ready = await service.ask('GET', '/readyz');
  expect([ready.status, ready.body.checks]).toEqual([503, { redis: 'ok', postgres: 'failed' }]);
}

async function timed(promise: Promise<Answer>) {
  const answer = await promise;
  return { answer, endedAtMs: performance.now() };
}

/** A way to a port on which the connections made so far can be cut: nothing passes any more, and neither end is told. */
async function createLink(target: number, port = 0) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from.on('error', () => {}));
      from.pipe(to);
    }
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

const recovered = () => pollUntil('orders to answer again', 5000, async () => (await place()).status === 201);

test('PostgreSQL gone: 503 within a second; PostgreSQL back: it works again, without a restart', async () => {
  await service.postgres.stop();
  // What was sent on a connection as it ended may have been done before.
  await expectUnavailable(['store-unavailable', 'outcome-unknown']);
  // A long outage must not make the way back any longer.
  for (let n = 0; n < 20; n++) expect((await list()).status).toBe(503);
  await expectUnavailable(['store-unavailable', 'outcome-unknown']);
  // Who can't be reached at all has been sent nothing.
  await pollUntil('an answer that is certain', 5000, async () => (await place()).body.code === 'store-unavailable');
  await service.postgres.start();
  await recovered();
  expect((await find()).body.order.id).toBe(id);
});

test('PostgreSQL hung, with its connections open: 503 within a second, and it works again once it wakes', async () => {
  expect((await list()).status).toBe(200);
  service.postgres.freeze(true);
  try {
    // Whatever was sent may be done once it wakes.
    await expectUnavailable(['outcome-unknown']);
    await expectUnavailable(['outcome-unknown', 'store-unavailable']);
  } finally {
    service.postgres.freeze(false);
  }
  await recovered();
});

test('an order that was sent and not answered may be placed after all: its answer says so, and the same key places it once', async () => {
  expect((await list()).status).toBe(200);
  const key = crypto.randomUUID();
  const count = async () => (await list()).body.orders.length as number;
  const before = await count();
  service.postgres.freeze(true);
  try {
    const answer = await place(key);
    expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([503, 'outcome-unknown', '1']);
    expect(answer.body.detail).toContain('same Idempotency-Key');
  } finally {
    service.postgres.freeze(false);
  }
  await recovered();
  await pollUntil('the order to be placed', 10_000, async () => (await place(key)).status < 300);
  expect((await place(key)).status).toBe(200);
  // A frozen server carries out what waits in its connections when it wakes.
  expect(await count()).toBeGreaterThanOrEqual(before + 1);
  const orders = (await list()).body.orders as { id: string }[];
  const { order } = (await place(key)).body as { order: { id: string } };
  expect(orders.filter(({ id }) => id === order.id)).toHaveLength(1);
});

test('connections that a cut link has left dead are given up for new ones', async () => {
  await using link = await createLink(service.postgres.port);
  const url = new URL(service.postgres.url);
  url.port = String(link.port);
  await using database = Object.assign(
    createDatabase({ target: { current: parseDatabaseUrl(url.href) }, poolSize: 3, timeoutMs: 800 }),
    {
      [Symbol.asyncDispose]: () => database.close(),
    },
  );
  const ask = () => database.run('ping', (sql) => sql`select 1 as one`);
  await Promise.all(Array.from({ length: 10 }, ask));
  link.cut();
  await expect(ask()).rejects.toMatchObject({ code: 'store-unavailable' });
  // Nobody ever closes the old ones.
  await pollUntil('new connections', 5000, () => ask().then((rows) => rows.length === 1));
});

test('a connection that is refused for a moment is made again, and the request is served, also the first in a while', async () => {
  const url = new URL(service.postgres.url);
  const [port, target] = [await reservePort(), Number(url.port)];
  url.port = String(port);
  const timeoutMs = 2000;
  const database = createDatabase({ target: { current: parseDatabaseUrl(url.href) }, poolSize: 3, timeoutMs });
  const createdAtMs = performance.now();
  try {
    await pollUntil('nobody has asked for a while', 5000, () => performance.now() - createdAtMs > timeoutMs);
    const askedAtMs = performance.now();
    const rows = database.run('ping', (sql) => sql`select 1 as one`);
    await pollUntil('refused attempts', 5000, () => performance.now() - askedAtMs > 200);
    await using _link = await createLink(target, port);
    expect(await rows).toEqual([{ one: 1 }]);
  } finally {
    await database.close();
  }
});

test('nothing begins once its answer was given: a connection that is found late changes nothing', async () => {
  const target = { current: parseDatabaseUrl(service.postgres.url) };
  await using database = Object.assign(createDatabase({ target, poolSize: 2, timeoutMs: 800 }), {
    [Symbol.asyncDispose]: () => database.close(),
  });
  let begun = 0;
  service.postgres.freeze(true);
  try {
    const writes = Array.from({ length: 5 }, () =>
      database.write('try', (sql) => {
        begun += 1;
        return sql`select 1`;
      }),
    );
    for (const write of await Promise.allSettled(writes)) {
      expect(write).toMatchObject({ status: 'rejected', reason: { code: 'store-unavailable' } });
    }
  } finally {
    service.postgres.freeze(false);
  }
  await pollUntil('an answer', 5000, () => database.run('ping', (sql) => sql`select 1 as one`));
  expect(begun).toBe(0);
});

test('all connections stuck in one hang do not keep later requests waiting', async () => {
  service.postgres.freeze(true);
  const stuck = await Promise.all(Array.from({ length: 30 }, list));
  expect(new Set(stuck.map(({ status }) => status))).toEqual(new Set([503]));
  service.postgres.freeze(false);
  await recovered();
  const answers = await Promise.all(Array.from({ length: 30 }, list));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});
