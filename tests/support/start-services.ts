import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashPassword } from '../../services/auth/src/password-hash.ts';
import { ServiceNode } from '../../services/local/src/service-node.ts';
import { startPostgres } from './postgres.ts';
import { startRedis, type TestRedis } from './redis-server.ts';
import { reservePort } from './reserve-port.ts';

export interface TestServices extends AsyncDisposable {
  auth: ServiceNode;
  orders: ServiceNode;
  /** Nobody but the two services and its own administrator talks to it. */
  redis: TestRedis;
  users: readonly { username: string; password: string }[];
  /** Everything both have logged so far. */
  readLogs(): Promise<string>;
}

/** One auth and one orders as real processes, over a single Redis and a PostgreSQL: the least that is whole. */
export async function startServices(authEnvironment: Record<string, string> = {}): Promise<TestServices> {
  await using stack = new AsyncDisposableStack();
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  stack.use(redis);
  stack.use(postgres);
  const users = ['alice', 'bob'].map((username) => ({ username, password: `the password of ${username}` }));
  const usersFile = join(redis.folder, 'users.json');
  const entries = users.map(async ({ username, password }) => ({
    id: `id-${username}`,
    username,
    passwordHash: await hashPassword(password),
    roles: ['customer'],
  }));
  await writeFile(usersFile, JSON.stringify(await Promise.all(entries)));
  const create = async (service: 'auth' | 'orders', environment: Record<string, string>) => {
    const [port, metricsPort] = [await reservePort(), await reservePort()];
    const logFile = join(redis.folder, `${service}.log`);
    return new ServiceNode({ service, name: service, host: '127.0.0.1', port, metricsPort, logFile, environment });
  };
  const auth = await create('auth', {
    ...redis.environmentFor('auth'),
    USERS_FILE: usersFile,
    ...authEnvironment,
  });
  const orders = await create('orders', {
    ...redis.environmentFor('validator'),
    DATABASE_URL: postgres.url,
    AUTH_JWKS_URL: `${auth.url}/.well-known/jwks.json`,
  });
  for (const service of [auth, orders]) {
    stack.defer(() => service.stop());
    await service.start();
  }
  for (const service of [auth, orders]) await service.untilReady(30_000);
  const resources = stack.move();
  return {
    auth,
    orders,
    redis,
    users,
    readLogs: async () => {
      const logs = ['auth', 'orders'].map((service) => readFile(join(redis.folder, `${service}.log`), 'utf8'));
      return (await Promise.all(logs)).join('');
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
