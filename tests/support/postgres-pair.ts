import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { ManagedProcess } from '../../services/local/src/managed-process.ts';
import { PostgresNode } from '../../services/local/src/postgres-node.ts';
import { findPostgresPrograms } from '../../services/local/src/postgres-programs.ts';
import { findUnprivilegedAccount } from '../../services/local/src/unprivileged-account.ts';
import { pollUntil } from './poll-until.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface TestPostgresPair extends AsyncDisposable {
  readonly primary: PostgresNode;
  readonly standby: PostgresNode;
  /** Of the database, by the addresses of both. */
  readonly url: string;
  /** Makes the standby the primary, as the tool that watches over them does. */
  promote(): Promise<void>;
}

const host = '127.0.0.1';
const password = 'only-on-loopback-in-tests';

/** A primary, and a standby that has every commit before it is answered (synchronous replication). */
export async function startPostgresPair(): Promise<TestPostgresPair> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTemporaryFolder('postgres-pair'));
  const create = async (name: string, settings: Record<string, string>) => {
    const path = join(folder.path, name);
    await mkdir(path);
    const database = { name: 'orders', password };
    return new PostgresNode({
      host,
      port: await reservePort(),
      folder: path,
      password,
      database,
      unsafe: true,
      settings,
    });
  };
  const primary = await create('primary', {});
  stack.defer(() => stop(primary));
  await primary.start();
  await primary.untilReady();
  const standby = await create('standby', { hot_standby: 'on' });
  await copy(primary, join(folder.path, 'standby'));
  stack.defer(() => stop(standby));
  await standby.start();
  const admin = (node: PostgresNode) =>
    postgres({
      host,
      port: node.endpoint.port,
      username: 'postgres',
      password,
      database: 'postgres',
      max: 1,
      fetch_types: false,
    });
  await using sql = Object.assign(admin(primary), { [Symbol.asyncDispose]: () => sql.end() });
  await pollUntil('the standby', 20_000, async () => {
    const rows = await sql`select 1 from pg_stat_replication where state = 'streaming'`;
    return rows.length === 1;
  });
  await sql.unsafe(`alter system set synchronous_standby_names = '*'`);
  await sql`select pg_reload_conf()`;
  await pollUntil('a standby that is waited for', 20_000, async () => {
    const [row] = await sql`select sync_state from pg_stat_replication`;
    return row?.['sync_state'] === 'sync';
  });
  const url = new URL(primary.url);
  const resources = stack.move();
  return {
    primary,
    standby,
    url: url.href.replace(url.host, `${host}:${primary.endpoint.port},${host}:${standby.endpoint.port}`),
    async promote() {
      await using sql = Object.assign(admin(standby), { [Symbol.asyncDispose]: () => sql.end() });
      // It has nobody to wait for.
      await sql`select pg_promote()`;
      await sql.unsafe(`alter system set synchronous_standby_names = ''`);
      await sql`select pg_reload_conf()`;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function stop(node: PostgresNode): Promise<void> {
  node.freeze(false);
  await node.stop('SIGQUIT');
}

/** A copy of its data that follows it. */
async function copy(primary: PostgresNode, folder: string): Promise<void> {
  const account = findUnprivilegedAccount();
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  const passwordFile = join(folder, 'pgpass');
  await writeFile(passwordFile, `*:*:*:postgres:${password}\n`, { mode: 0o600 });
  if (account) for (const path of [folder, data, passwordFile]) await chown(path, account.uid, account.gid);
  const copying = await ManagedProcess.start({
    name: 'pg_basebackup',
    command: join(findPostgresPrograms(), 'pg_basebackup'),
    args: [
      '-D',
      data,
      '-R',
      '-X',
      'stream',
      '-c',
      'fast',
      '-h',
      host,
      '-p',
      String(primary.endpoint.port),
      '-U',
      'postgres',
    ],
    env: { PGPASSFILE: passwordFile, PATH: process.env['PATH'] ?? '' },
    folder,
    logFile: join(folder, 'pg_basebackup.log'),
    ...(account ? { runAs: account } : {}),
  });
  const { code } = await copying.exited;
  if (code !== 0) throw new Error(`pg_basebackup failed: ${await readFile(copying.logFile, 'utf8')}`);
}
