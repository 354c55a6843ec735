import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisEndpoint } from '@holdfast/session';
import { ManagedProcess } from './managed-process.ts';
import { createRedisConfig } from './redis-config.ts';
import { readRedisInfo } from './redis-info.ts';
import { createAclFile, type ExtraRedisUser, type RedisUsers } from './redis-users.ts';

export interface RedisNodeOptions extends RedisEndpoint {
  name: string;
  /** Configuration, log and, in `data`, what Redis keeps. */
  folder: string;
  users: RedisUsers;
  extraUsers?: readonly ExtraRedisUser[];
  /** Whether it is one of several, which copy each other. */
  replicated: boolean;
  /** The program; valkey-server takes the same configuration. */
  program?: string;
}

/** One Redis: its files, and its process while it runs. */
export class RedisNode {
  readonly name: string;
  readonly endpoint: RedisEndpoint;
  readonly folder: string;
  readonly #options: RedisNodeOptions;
  #process: ManagedProcess | undefined;

  constructor(options: RedisNodeOptions) {
    this.name = options.name;
    this.endpoint = { host: options.host, port: options.port };
    this.folder = options.folder;
    this.#options = options;
  }

  get process(): ManagedProcess | undefined {
    return this.#process;
  }

  get logFile(): string {
    return join(this.folder, 'redis.log');
  }

  /** Whether it holds the data of an earlier run. */
  get hasData(): boolean {
    return existsSync(join(this.folder, 'data', 'appendonlydir'));
  }

  /** @param primary whom to follow; undefined to be the primary */
  async start(primary?: RedisEndpoint): Promise<ManagedProcess> {
    const { users, extraUsers, replicated, program = 'redis-server' } = this.#options;
    const data = join(this.folder, 'data');
    const aclFile = join(this.folder, 'users.acl');
    const configFile = join(this.folder, 'redis.conf');
    await mkdir(data, { recursive: true, mode: 0o700 });
    const replication = { user: users.replica, ...(primary ? { primary } : {}) };
    const config = { ...this.endpoint, folder: data, aclFile, ...(replicated ? { replication } : {}) };
    await writeFile(aclFile, createAclFile(program, users, extraUsers), { mode: 0o600 });
    await writeFile(configFile, createRedisConfig(config), { mode: 0o600 });
    this.#process = await ManagedProcess.start({
      name: this.name,
      command: program,
      args: [configFile],
      folder: data,
      logFile: this.logFile,
    });
    return this.#process;
  }

  /** What it says about replication. */
  readReplication(): Promise<Record<string, string>> {
    return readRedisInfo(this.endpoint, this.#options.users.probe, 'replication');
  }

  /** Waits until it answers, has loaded its data, and as a replica has caught up with its primary. */
  async untilReady(timeoutMs = 15_000): Promise<void> {
    await this.#process?.untilReady(async () => {
      const info = await this.readReplication();
      if (info['role'] === 'slave' && info['master_link_status'] !== 'up') return false;
      const { loading } = await readRedisInfo(this.endpoint, this.#options.users.probe, 'persistence');
      return loading === '0';
    }, timeoutMs);
  }

  /** Waits until that many replicas have caught up with this primary. */
  async untilReplicated(replicas: number, timeoutMs = 15_000): Promise<void> {
    await this.#process?.untilReady(async () => {
      const info = await this.readReplication();
      return Object.values(info).filter((value) => value.includes('state=online')).length >= replicas;
    }, timeoutMs);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
