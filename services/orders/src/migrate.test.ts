import postgres from 'postgres';
import { expect, test } from 'vitest';
import { startPostgres } from '../../../tests/support/postgres.ts';
import { migrate } from './migrate.ts';
import { parseDatabaseUrl } from './parse-database-url.ts';

test('replicas that start at the same time apply each migration once, and none of them fails', async () => {
  await using database = await startPostgres();
  await Promise.all(Array.from({ length: 8 }, () => migrate(parseDatabaseUrl(database.url))));
  await migrate(parseDatabaseUrl(database.url));
  await using sql = Object.assign(postgres(database.url, { max: 1, onnotice: () => {} }), {
    [Symbol.asyncDispose]: () => sql.end(),
  });
  expect((await sql`select name from schema_migrations`).map(({ name }) => name)).toEqual(['001-orders.sql']);
  expect(await sql`select * from orders`).toHaveLength(0);
}, 60_000);
