import { afterAll, beforeAll, expect, test } from 'vitest';
import { pollUntil } from '../../../tests/support/poll-until.ts';
import { type Answer, createTestOrders, type TestOrders } from './orders-fixture.ts';

let service: TestOrders;
let cookie: string;
let id: string;
beforeAll(async () => {
  service = await createTestOrders();
  cookie = await service.logIn();
  id = (await place()).body.order.id;
}, 60_000);
afterAll(() => service?.[Symbol.asyncDispose]());

const place = () => service.ask('POST', '/v1/orders', { cookie, body: { sku: 'a', quantity: 1 } });
const list = () => service.ask('GET', '/v1/orders', { cookie });
const find = () => service.ask('GET', `/v1/orders/${id}`, { cookie });

/** The promise: 503 with Retry-After within a second, the session untouched, and nothing hangs. */
async function expectUnavailable() {
  const startedAtMs = performance.now();
  const answers = await Promise.all([place(), list(), find()].map(timed));
  for (const { answer, endedAtMs } of answers) {
    expect([answer.status, answer.body.code]).toEqual([503, 'store-unavailable']);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(endedAtMs - startedAtMs).toBeLessThan(1000);
  }
  expect((await service.ask('GET', '/livez')).status).toBe(200);
  const ready = await service.ask('GET', '/readyz');
  expect([ready.status, ready.body.checks]).toEqual([503, { redis: 'ok', postgres: 'failed' }]);
}

async function timed(promise: Promise<Answer>) {
  const answer = await promise;
  return { answer, endedAtMs: performance.now() };
}

const recovered = () => pollUntil('orders to answer again', 10_000, async () => (await place()).status === 201);

test('PostgreSQL gone: 503 within a second; PostgreSQL back: it works again, without a restart', async () => {
  await service.postgres.stop();
  await expectUnavailable();
  await expectUnavailable();
  await service.postgres.start();
  await recovered();
  expect((await find()).body.order.id).toBe(id);
});

test('PostgreSQL hung, with its connections open: 503 within a second, and it works again once it wakes', async () => {
  expect((await list()).status).toBe(200);
  service.postgres.freeze(true);
  await expectUnavailable();
  await expectUnavailable();
  service.postgres.freeze(false);
  await recovered();
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
