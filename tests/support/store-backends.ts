import { randomBytes } from 'node:crypto';
import type { RedisConfig } from '@holdfast/session';
import { Redis } from 'ioredis';
import { onPath } from '../../services/local/src/on-path.ts';
import { type ContainerImage, containerEngine } from './containers/container-engine.ts';
import { startRedisContainer } from './containers/redis-container.ts';
import type { RedisCredentials } from './redis-credentials.ts';
import { startRedisSet } from './redis-sentinel.ts';
import { startRedis } from './redis-server.ts';
import { testAdmin } from './test-redis-node.ts';

/** A Redis as the store's contract suite needs it, however it came to be. */
export interface StoreBackend extends AsyncDisposable {
  replicas: number;
  configFor(user: 'auth' | 'validator', commandTimeoutMs?: number): RedisConfig;
  /** A client of the primary that may do everything. */
  admin(): Promise<Redis>;
  /** A client of the primary with the rights of a service. */
  connectAs(user: 'auth' | 'validator'): Promise<Redis>;
  /** Gives the user a new password, in Redis and wherever {@link configFor} takes it from. */
  changePassword(user: 'auth' | 'validator'): Promise<void>;
}

export interface NamedBackend {
  name: string;
  /** Why it can't be had here. */
  missing?: string | undefined;
  start(): Promise<StoreBackend>;
}

type Program = 'redis-server' | 'valkey-server';

/** What the store's contract is held against on this machine: one Redis, three with Sentinels, and Valkey. */
export const storeBackends: readonly NamedBackend[] = [
  localBackend('a single Redis', 'redis-server', startSingle),
  localBackend('Redis with Sentinel', 'redis-server', startReplicated),
  // Where the machine has none, the container has one.
  ...(onPath('valkey-server') === undefined ? [] : [localBackend('a single Valkey', 'valkey-server', startSingle)]),
  containerBackend('redis:8', 'redis-server'),
  containerBackend('valkey/valkey:8', 'valkey-server'),
];

function containerBackend(image: ContainerImage, program: Program): NamedBackend {
  return {
    name: `${image} in a container`,
    missing: containerEngine().missing || undefined,
    start: async () => {
      const redis = await startRedisContainer(image, program);
      const { host, port } = redis;
      const { username, password } = testAdmin;
      const admin = new Redis({ host, port, username, password });
      const backend = createBackend(redis, { replicas: 0, address: async () => redis, admins: () => [admin] });
      return {
        ...backend,
        [Symbol.asyncDispose]: async () => {
          admin.disconnect();
          await backend[Symbol.asyncDispose]();
        },
      };
    },
  };
}

function localBackend(
  name: string,
  program: Program,
  start: (program: Program) => Promise<StoreBackend>,
): NamedBackend {
  const missing = onPath(program) === undefined ? `there is no ${program} on this machine` : undefined;
  return { name, missing, start: () => start(program) };
}

async function startSingle(program: Program): Promise<StoreBackend> {
  const redis = await startRedis({ program });
  return createBackend(redis, { replicas: 0, address: async () => redis, admins: () => [redis.admin()] });
}

async function startReplicated(program: Program): Promise<StoreBackend> {
  const set = await startRedisSet({ program });
  const address = () => set.primary();
  return {
    ...createBackend(set, { replicas: 2, address, admins: () => set.nodes.map((node) => node.admin()) }),
    admin: async () => (await set.primary()).admin(),
  };
}

interface Access {
  replicas: number;
  address(): Promise<{ host: string; port: number }>;
  /** A client of every Redis there is. */
  admins(): Redis[];
}

function createBackend(redis: RedisCredentials & AsyncDisposable, { replicas, address, admins }: Access): StoreBackend {
  const connections: Redis[] = [];
  return {
    replicas,
    configFor: redis.configFor,
    admin: async () => admins()[0] as Redis,
    connectAs: async (user) => {
      const { host, port } = await address();
      const connection = new Redis({ host, port, ...redis.users[user] });
      connections.push(connection);
      return connection;
    },
    changePassword: async (user) => {
      const password = `changed-${randomBytes(12).toString('base64url')}`;
      for (const admin of admins()) await admin.call('ACL', 'SETUSER', user, 'resetpass', `>${password}`);
      redis.users[user].password = password;
    },
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) connection.disconnect();
      await redis[Symbol.asyncDispose]();
    },
  };
}
