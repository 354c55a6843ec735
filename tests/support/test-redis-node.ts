import { Redis } from 'ioredis';
import type { RedisNode } from '../../services/local/src/redis-node.ts';
import type { ExtraRedisUser } from '../../services/local/src/redis-users.ts';

/** May do everything, and exists only in tests: the platform has no such user. */
export const testAdmin: ExtraRedisUser = {
  username: 'test-admin',
  password: 'only-on-loopback-in-tests',
  rules: ['~*', '&*', '+@all'],
};

/** A Redis under test: it can be stopped, frozen, killed and started again. */
export class TestRedisNode {
  readonly host: string;
  readonly port: number;
  readonly node: RedisNode;
  readonly #clients: Redis[] = [];

  constructor(node: RedisNode) {
    this.node = node;
    this.host = node.endpoint.host;
    this.port = node.endpoint.port;
  }

  get pid(): number {
    return this.node.process?.pid ?? 0;
  }

  /** A client as an administrator, quiet while the server is away, closed together with the server. */
  admin(): Redis {
    const { host, port } = this;
    const { username, password } = testAdmin;
    const redis = new Redis({ host, port, username, password, maxRetriesPerRequest: 1, retryStrategy: () => 50 });
    redis.on('error', () => {});
    this.#clients.push(redis);
    return redis;
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.node.process?.kill(signal);
  }

  async killed(): Promise<void> {
    this.kill('SIGKILL');
    await this.node.process?.exited;
  }

  async stop(): Promise<void> {
    await this.node.stop();
  }

  /** @param primary whom to follow; undefined to be the primary, or the only one */
  async start(primary?: { host: string; port: number }): Promise<void> {
    await this.node.start(primary);
    await this.node.untilReady();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.node.process?.stop('SIGKILL');
  }
}
