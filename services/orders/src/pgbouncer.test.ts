import { describe, expect, test } from 'vitest';
import { startPgBouncer } from '../../../tests/support/pgbouncer.ts';
import { startPostgres } from '../../../tests/support/postgres.ts';
import { migrate } from './migrate.ts';
import { createTestOrders, type TestOrders } from './orders-fixture.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';

/** Places, finds, lists and repeats, many at once. */
async function expectOrdersToWork(service: TestOrders): Promise<void> {
  const cookie = await service.logIn();
  const place = (key: string) =>
    service.ask('POST', '/v1/orders', { cookie, body: { sku: 'a', quantity: 1 }, headers: { 'idempotency-key': key } });
  const keys = Array.from({ length: 40 }, () => crypto.randomUUID());
  const placed = await Promise.all(keys.map(place));
  expect(placed.map(({ status }) => status)).toEqual(Array(40).fill(201));
  expect((await place(keys[0] as string)).status).toBe(200);
  const found = await Promise.all(
    placed.map(({ body }) => service.ask('GET', `/v1/orders/${body.order.id}`, { cookie })),
  );
  expect(found.map(({ status }) => status)).toEqual(Array(40).fill(200));
  const pages = await Promise.all(
    Array.from({ length: 20 }, () => service.ask('GET', '/v1/orders?limit=5', { cookie })),
  );
  expect(pages.map(({ body }) => body.orders.length)).toEqual(Array(20).fill(5));
  expect((await service.ask('GET', '/readyz')).body.checks).toEqual({ redis: 'ok', postgres: 'ok' });
}

describe.each(['session', 'transaction', 'statement'])('behind PgBouncer in its pool mode %s', (mode) => {
  // In the mode session a connection to PostgreSQL belongs to one of ours for as long as that lasts.
  const few = { pool_mode: mode, ...(mode === 'session' ? {} : { default_pool_size: '3' }) };

  test.each<[string, Record<string, string>, string]>([
    ['as it comes', {}, ''],
    ['where it is set to let the timeout of statements pass', { ignore_startup_parameters: 'statement_timeout' }, ''],
    ['where the URL says that it is there', {}, '?pgbouncer=true'],
  ])(
    'orders are placed, found and listed: %s',
    async (_, settings, query) => {
      await using service = await createTestOrders(async (postgres) => {
        const pooler = await startPgBouncer(postgres, { ...few, ...settings });
        return { url: pooler.url + query, [Symbol.asyncDispose]: () => pooler[Symbol.asyncDispose]() };
      });
      await expectOrdersToWork(service);
    },
    60_000,
  );

  test('the tables are made where the mode allows it, and found where they are there', async () => {
    await using postgres = await startPostgres();
    await using pooler = await startPgBouncer(postgres, few);
    const target = parseDatabaseUrl(pooler.url);
    if (mode === 'statement') {
      await expect(migrate(target)).rejects.toThrow(/mode statement/);
      await migrate(parseDatabaseUrl(postgres.url));
    }
    await Promise.all([migrate(target), migrate(target)]);
    await migrate(target);
  }, 60_000);
});
