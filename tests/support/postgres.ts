import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ManagedProcess } from '../../services/local/src/managed-process.ts';
import { onPath } from '../../services/local/src/on-path.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

export interface TestPostgres extends AsyncDisposable {
  readonly port: number;
  /** As a superuser of an empty database. */
  readonly url: string;
  /** Ends it at once, with everything that is under way. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Freezes it, or wakes it: connections stay open, and nobody answers. */
  freeze(frozen: boolean): void;
}

/** A throw-away PostgreSQL on a free loopback port. It does not run as root, whoever starts it. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await createTemporaryFolder('postgres');
  const data = join(folder.path, 'data');
  const port = await reservePort();
  const asRoot = process.getuid?.() === 0;
  const account = asRoot ? await accountOf('postgres') : undefined;
  if (account) await chown(folder.path, account.uid, account.gid);
  const password = 'only-on-loopback-in-tests';
  const passwordFile = join(folder.path, 'password');
  await writeFile(passwordFile, password);
  const initialize = ['-D', data, '-U', 'holdfast', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8'];
  await run(program('initdb'), [...initialize, '--locale=C', '--no-sync'], { cwd: folder.path, ...account });
  let server: ManagedProcess | undefined;
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: 'off',
    max_connections: 60,
  };
  const start = async () => {
    server = await ManagedProcess.start({
      name: 'postgres',
      command: program('postgres'),
      args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      logFile: join(folder.path, 'log', 'postgres.log'),
      folder: folder.path,
      ...(asRoot ? { runAs: { user: 'postgres', capabilities: [] } } : {}),
      deathSignal: 'QUIT',
    });
    await server.untilReady(
      async () => (await run(program('pg_isready'), ['-h', '127.0.0.1', '-p', String(port)])) !== undefined,
      30_000,
    );
  };
  // SIGQUIT is PostgreSQL's immediate shutdown: as a crash, but its children go with it.
  const stop = async () => server?.stop('SIGQUIT');
  const dispose = async () => {
    if (server?.running) signalTree(server.pid, 'SIGCONT');
    await stop();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    port,
    url: `postgres://holdfast:${password}@127.0.0.1:${port}/postgres`,
    start,
    stop,
    freeze: (frozen) => signalTree(server?.pid ?? 0, frozen ? 'SIGSTOP' : 'SIGCONT'),
    [Symbol.asyncDispose]: dispose,
  };
}

/** Debian keeps the server's programs out of PATH, in a folder for each version. */
function program(name: string): string {
  const found = onPath(name);
  if (found) return found;
  const root = '/usr/lib/postgresql';
  const versions = process.platform === 'linux' ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  if (versions[0] === undefined) throw new Error(`there is no ${name} in PATH or ${root}: install postgresql`);
  return join(root, versions[0], 'bin', name);
}

async function accountOf(user: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

/** The server and the processes it made, one for each connection. */
function signalTree(pid: number, signal: NodeJS.Signals): void {
  const children = () =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  process.kill(pid, signal);
  for (const child of children()) {
    try {
      process.kill(child, signal);
    } catch {
      // It has ended meanwhile, as its connection had.
    }
  }
}
