import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisEndpoint } from '@holdfast/session';
import postgres from 'postgres';
import { ManagedProcess } from './managed-process.ts';
import { findPostgresPrograms } from './postgres-programs.ts';
import { findUnprivilegedAccount } from './unprivileged-account.ts';

export interface PostgresNodeOptions extends RedisEndpoint {
  folder: string;
  /** Of the superuser. */
  password: string;
  /** Made when it is missing, together with a user of the same name that owns it. */
  database: { name: string; password: string };
  /** Whether it may forget what it answered when the machine goes down; for tests only. */
  unsafe?: boolean;
  /** Further settings of the server. */
  settings?: Readonly<Record<string, string>>;
}

const SUPERUSER = 'postgres';

/** A PostgreSQL with one database. It does not run as root, whoever starts it. */
export class PostgresNode {
  readonly name = 'postgres';
  readonly endpoint: RedisEndpoint;
  /** For the owner of the database. */
  readonly url: string;
  readonly #options: PostgresNodeOptions;
  #process: ManagedProcess | undefined;

  constructor(options: PostgresNodeOptions) {
    const { host, port, database } = options;
    this.endpoint = { host, port };
    this.url = `postgres://${database.name}:${encodeURIComponent(database.password)}@${host}:${port}/${database.name}`;
    this.#options = options;
  }

  get process(): ManagedProcess | undefined {
    return this.#process;
  }

  async start(): Promise<ManagedProcess> {
    const { folder } = this.#options;
    const data = join(folder, 'data');
    const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
    const programs = findPostgresPrograms(version?.trim());
    if (version === undefined) await this.#initialize(programs, data);
    const { host, port } = this.endpoint;
    const settings = {
      listen_addresses: host,
      port,
      unix_socket_directories: '',
      ...(this.#options.unsafe ? { fsync: 'off' } : {}),
      ...this.#options.settings,
    };
    const account = findUnprivilegedAccount();
    this.#process = await ManagedProcess.start({
      name: this.name,
      command: join(programs, 'postgres'),
      args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      folder: data,
      logFile: join(folder, 'postgres.log'),
      // Its immediate shutdown, which takes its own children along.
      deathSignal: 'QUIT',
      ...(account ? { runAs: account } : {}),
    });
    return this.#process;
  }

  /** Waits until it answers, and sees to it that the database is there. */
  async untilReady(timeoutMs = 20_000): Promise<void> {
    await this.#process?.untilReady(async () => {
      await this.#createDatabase();
      return true;
    }, timeoutMs);
  }

  /** Ends the connections and stops in order; SIGQUIT stops as if it had crashed. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Freezes it with all its processes, or wakes it: connections stay open and nobody answers. */
  freeze(frozen: boolean): void {
    const { process: server } = this;
    if (!server?.running) return;
    const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').split(' ').filter(Boolean);
    for (const pid of [server.pid, ...children.map(Number)]) {
      try {
        process.kill(pid, frozen ? 'SIGSTOP' : 'SIGCONT');
      } catch (error) {
        // The process of a connection may have ended since.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }

  /** Into a folder beside, renamed when complete: a start that is cut short leaves no half-made database. */
  async #initialize(programs: string, data: string): Promise<void> {
    const { folder, password } = this.#options;
    if (existsSync(data) && readdirSync(data).length > 0) {
      throw new Error(`${data} holds files but no PostgreSQL database: move them away.`);
    }
    const fresh = join(folder, 'data.new');
    const passwordFile = join(folder, 'superuser-password');
    const account = findUnprivilegedAccount();
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (account) {
      for (const path of [fresh, passwordFile]) await chown(path, account.uid, account.gid);
    }
    const initialization = await ManagedProcess.start({
      name: 'initdb',
      command: join(programs, 'initdb'),
      args: [
        ...['-D', fresh, '-U', SUPERUSER, '-A', 'scram-sha-256', '--pwfile', passwordFile],
        ...['-E', 'UTF8', '--locale=C', ...(this.#options.unsafe ? ['--no-sync'] : [])],
      ],
      folder: fresh,
      logFile: join(folder, 'postgres.log'),
      ...(account ? { runAs: account } : {}),
    });
    const { code } = await initialization.exited;
    await rm(passwordFile);
    if (code !== 0) throw new Error(`initdb failed: see ${initialization.logFile}`);
    await rm(data, { recursive: true, force: true });
    await rename(fresh, data);
  }

  async #createDatabase(): Promise<void> {
    const { host, port } = this.endpoint;
    const { password, database } = this.#options;
    const options = { host, port, username: SUPERUSER, password, database: 'postgres', max: 1, connect_timeout: 2 };
    const sql = postgres({ ...options, onnotice: () => {} });
    try {
      const role = sql(database.name);
      const [user] = await sql`select 1 from pg_roles where rolname = ${database.name}`;
      if (!user) await sql.unsafe(`create role "${database.name}" login password '${database.password}'`);
      const [existing] = await sql`select 1 from pg_database where datname = ${database.name}`;
      if (!existing) await sql`create database ${role} owner ${role}`;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}
