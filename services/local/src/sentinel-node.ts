import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisEndpoint } from '@holdfast/session';
import { ManagedProcess } from './managed-process.ts';
import { askRedis } from './redis-info.ts';
import type { RedisCredential } from './redis-users.ts';
import { createSentinelConfig, type SentinelTimings } from './sentinel-config.ts';

export interface SentinelNodeOptions extends RedisEndpoint, SentinelTimings {
  name: string;
  folder: string;
  masterName: string;
  quorum: number;
  redisUser: RedisCredential;
  sentinelUser: RedisCredential;
  /** The program; valkey-server takes the same configuration. */
  program?: string;
}

/** One Sentinel: its file, in which it writes down what it learns, and its process while it runs. */
export class SentinelNode {
  readonly name: string;
  readonly endpoint: RedisEndpoint;
  readonly #options: SentinelNodeOptions;
  #process: ManagedProcess | undefined;

  constructor(options: SentinelNodeOptions) {
    this.name = options.name;
    this.endpoint = { host: options.host, port: options.port };
    this.#options = options;
  }

  get process(): ManagedProcess | undefined {
    return this.#process;
  }

  get configFile(): string {
    return join(this.#options.folder, 'sentinel.conf');
  }

  /**
   * Writes its file, without starting it: what an earlier run has learned stays.
   * @param primary the primary, for a Sentinel that knows of none yet
   */
  async prepare(primary: RedisEndpoint): Promise<void> {
    const { folder, program = 'redis-server' } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const text = createSentinelConfig({ ...this.#options, program, primary }, await this.#readConfig());
    await writeFile(this.configFile, text, { mode: 0o600 });
  }

  async start(primary: RedisEndpoint): Promise<ManagedProcess> {
    const { folder, program = 'redis-server' } = this.#options;
    await this.prepare(primary);
    this.#process = await ManagedProcess.start({
      name: this.name,
      command: program,
      args: [this.configFile, '--sentinel'],
      folder,
      logFile: join(folder, 'sentinel.log'),
    });
    return this.#process;
  }

  /** The primary as an earlier run wrote it down, or undefined when there was none. */
  async readWrittenPrimary(): Promise<RedisEndpoint | undefined> {
    const [, host, port] = /^sentinel monitor \S+ (\S+) (\d+) /m.exec(await this.#readConfig()) ?? [];
    return host === undefined ? undefined : { host, port: Number(port) };
  }

  /** The primary this Sentinel names. */
  async readPrimary(): Promise<RedisEndpoint> {
    const reply = await askRedis(this.endpoint, this.#options.sentinelUser, (redis) =>
      redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#options.masterName),
    );
    const [host, port] = reply as [string, string];
    return { host, port: Number(port) };
  }

  /** Has this Sentinel hand the primary's role to a replica, whether the primary is there or not. */
  async failover(): Promise<void> {
    await askRedis(this.endpoint, this.#options.sentinelUser, (redis) =>
      redis.call('SENTINEL', 'FAILOVER', this.#options.masterName),
    );
  }

  /** Waits until it sees that many replicas and other Sentinels, without which it could not fail over. */
  async untilReady(replicas: number, sentinels: number, timeoutMs = 15_000): Promise<void> {
    await this.#process?.untilReady(async () => {
      const text = await askRedis(this.endpoint, undefined, (redis) => redis.info('sentinel'));
      const seen = /status=ok,.*slaves=(\d+),sentinels=(\d+)/.exec(text);
      return Number(seen?.[1]) >= replicas && Number(seen?.[2]) >= sentinels;
    }, timeoutMs);
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  #readConfig(): Promise<string> {
    return readFile(this.configFile, 'utf8').catch(() => '');
  }
}
