import { once } from 'node:events';
import { chown, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { installPrograms } from '../../k8s/cluster/debian-packages.ts';
import { ManagedProcess } from '../../services/local/src/managed-process.ts';
import { findUnprivilegedAccount } from '../../services/local/src/unprivileged-account.ts';
import { pollUntil } from './poll-until.ts';
import type { TestPostgres } from './postgres.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface TestPgBouncer extends AsyncDisposable {
  /** As that of the PostgreSQL behind it. */
  readonly url: string;
}

/**
 * A PgBouncer before that PostgreSQL, in its default configuration but for these settings.
 */
export async function startPgBouncer(
  postgres: Pick<TestPostgres, 'url'>,
  settings: Record<string, string>,
): Promise<TestPgBouncer> {
  await installPrograms(['pgbouncer']);
  const folder = await createTemporaryFolder('pgbouncer');
  const [port, target] = [await reservePort(), new URL(postgres.url)];
  const { username, password, hostname, pathname } = target;
  const usersFile = join(folder.path, 'users.txt');
  const configFile = join(folder.path, 'pgbouncer.ini');
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: usersFile,
    ...settings,
  };
  const lines = [
    '[databases]',
    `${pathname.slice(1)} = host=${hostname} port=${target.port}`,
    '[pgbouncer]',
    ...Object.entries(own).map(([name, value]) => `${name} = ${value}`),
  ];
  await writeFile(usersFile, `"${username}" "${decodeURIComponent(password)}"\n`);
  await writeFile(configFile, `${lines.join('\n')}\n`);
  // It refuses to run as root.
  const account = findUnprivilegedAccount();
  if (account) for (const path of [folder.path, usersFile, configFile]) await chown(path, account.uid, account.gid);
  const process = await ManagedProcess.start({
    name: 'pgbouncer',
    command: 'pgbouncer',
    args: [configFile],
    folder: folder.path,
    logFile: join(folder.path, 'pgbouncer.log'),
    ...(account ? { runAs: account } : {}),
  });
  const dispose = async () => {
    await process.stop('SIGKILL');
    await folder[Symbol.asyncDispose]();
  };
  const url = new URL(postgres.url);
  url.port = String(port);
  try {
    await pollUntil('pgbouncer to listen', 10_000, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect').finally(() => socket.destroy());
      return true;
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return { url: url.href, [Symbol.asyncDispose]: dispose };
}
