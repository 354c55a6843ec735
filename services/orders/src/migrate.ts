import { readdir, readFile } from 'node:fs/promises';
import postgres from 'postgres';

const folder = `${import.meta.dirname}/../migrations`;
/** Any number will do, as long as nobody else locks it: "holdfast" in hex. */
const lockId = '0x686f6c6466617374';

/**
 * Applies the migrations that have not been applied, each once, however many replicas start at the same time: one of
 * them holds a lock, the others wait for it and then find the work done. All of it is one transaction.
 *
 * @throws what PostgreSQL or the network said
 */
export async function migrate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
  try {
    await sql.begin(async (transaction) => {
      await transaction`set local lock_timeout = '60s'`;
      await transaction`set local statement_timeout = '60s'`;
      await transaction`select pg_advisory_xact_lock(${BigInt(lockId).toString()}::bigint)`;
      // Asked first: a user who may not create tables can start a service whose tables are there.
      const [found] = await transaction`select to_regclass('schema_migrations') is not null as exists`;
      if (!found?.['exists']) {
        await transaction`create table schema_migrations (name text primary key, applied_at timestamptz not null default now())`;
      }
      const applied = new Set((await transaction`select name from schema_migrations`).map((row) => row['name']));
      for (const name of (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()) {
        if (applied.has(name)) continue;
        await transaction.unsafe(await readFile(`${folder}/${name}`, 'utf8'));
        await transaction`insert into schema_migrations (name) values (${name})`;
      }
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}
