import { RedisNode } from '../../services/local/src/redis-node.ts';
import { createRedisCredentials, type RedisCredentials } from './redis-credentials.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { TestRedisNode, testAdmin } from './test-redis-node.ts';

export interface StartRedisOptions {
  /** `redis-server` or `valkey-server`. */
  program?: string;
}

export interface TestRedis
  extends AsyncDisposable,
    RedisCredentials,
    Pick<TestRedisNode, 'host' | 'port' | 'pid' | 'admin' | 'kill' | 'killed' | 'stop' | 'start'> {
  /** Where its files are. */
  readonly folder: string;
  /** The environment variables of a service that uses it as that user. */
  environmentFor(name: 'auth' | 'validator'): Record<string, string>;
}

/** A single Redis with the platform's users, on a free port, gone when disposed of. */
export async function startRedis(options: StartRedisOptions = {}): Promise<TestRedis> {
  const folder = await createTemporaryFolder('redis');
  const endpoint = { host: '127.0.0.1', port: await reservePort() };
  const credentials = await createRedisCredentials(folder.path, { kind: 'single', ...endpoint });
  const { users, passwordFile } = credentials;
  const node = new TestRedisNode(
    new RedisNode({
      name: 'redis',
      ...endpoint,
      ...options,
      folder: folder.path,
      users,
      extraUsers: [testAdmin],
      replicated: false,
    }),
  );
  const dispose = async () => {
    await node.close();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await node.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return Object.assign(node, {
    ...credentials,
    folder: folder.path,
    environmentFor: (name: 'auth' | 'validator') => ({
      REDIS_URL: `redis://${endpoint.host}:${endpoint.port}`,
      REDIS_USERNAME: name,
      REDIS_PASSWORD_FILE: passwordFile(name),
    }),
    [Symbol.asyncDispose]: dispose,
  });
}
