import { readdir, readFile } from 'node:fs/promises';
import postgres, { type Sql } from 'postgres';
import { toConnectOptions } from './connect-options.ts';
import type { DatabaseTarget } from './parse-database-url.ts';

const folder = `${import.meta.dirname}/../migrations`;
/** Any number will do, as long as nobody else locks it: "holdfast" in hex. */
const lockId = '0x686f6c6466617374';

/**
 * Applies the migrations that have not been applied, each once, however many replicas start at the same time: one of
 * them holds a lock, the others wait for it and then find the work done. All of it is one transaction.
 *
 * @throws what PostgreSQL or the network said
 */
export async function migrate(target: DatabaseTarget): Promise<void> {
  const names = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  const { parameters } = target;
  // Nothing is prepared, which a pooler may not keep.
  const options = { ...toConnectOptions(target), max: 1, connect_timeout: 5, prepare: false, connection: parameters };
  const sql = postgres(options);
  try {
    // Most starts find nothing to do. Then it takes no transaction, which a pooler may refuse, and no right to create tables.
    const [found] = await sql`select to_regclass('schema_migrations') is not null as exists`;
    if (found?.['exists']) {
      const known = await findNames(sql);
      if (names.every((name) => known.has(name))) return;
    }
    await sql.begin(async (transaction) => {
      await transaction`set local lock_timeout = '60s'`;
      await transaction`set local statement_timeout = '60s'`;
      await transaction`select pg_advisory_xact_lock(${BigInt(lockId).toString()}::bigint)`;
      // Not asked first, as above: what this connection knows about tables may be older than the lock.
      await transaction`create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())`;
      const applied = await findNames(transaction);
      for (const name of names) {
        if (applied.has(name)) continue;
        await transaction.unsafe(await readFile(`${folder}/${name}`, 'utf8'));
        await transaction`insert into schema_migrations (name) values (${name})`;
      }
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'CONNECTION_CLOSED') throw error;
    throw new Error(
      'the connection was closed while the tables were made. Behind a pooler in its mode statement, which takes no transactions, let one start reach PostgreSQL itself',
      { cause: error },
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function findNames(sql: Pick<Sql, 'unsafe'>): Promise<Set<string>> {
  return new Set((await sql.unsafe('select name from schema_migrations')).map((row) => String(row['name'])));
}
