import type { RedisEndpoint } from '@holdfast/session';
import { askRedis } from '../../services/local/src/redis-info.ts';
import { RedisSet } from '../../services/local/src/redis-set.ts';
import type { SentinelNode } from '../../services/local/src/sentinel-node.ts';
import { pollUntil } from './poll-until.ts';
import { createRedisCredentials, type RedisCredentials } from './redis-credentials.ts';
import { reservePort } from './reserve-port.ts';
import { createTemporaryFolder } from './temporary-folder.ts';
import { TestRedisNode, testAdmin } from './test-redis-node.ts';

export interface StartRedisSetOptions {
  /** `redis-server` or `valkey-server`. */
  program?: string;
  downAfterMs?: number;
  failoverTimeoutMs?: number;
}

export interface TestRedisSet extends AsyncDisposable, RedisCredentials {
  readonly masterName: string;
  readonly nodes: readonly TestRedisNode[];
  readonly sentinels: readonly SentinelNode[];
  readonly folder: string;
  /** Asks one Sentinel, as its operator. */
  askSentinel(sentinel: RedisEndpoint, ...command: string[]): Promise<unknown>;
  /** The environment variables of a service that uses it as that user. */
  environmentFor(name: 'auth' | 'validator'): Record<string, string>;
  /** The node that a majority of the Sentinels names as the primary. */
  primary(): Promise<TestRedisNode>;
  replicas(): Promise<TestRedisNode[]>;
  /** Waits until the Sentinels name another primary than that one. */
  untilFailedOver(from: TestRedisNode, timeoutMs?: number): Promise<TestRedisNode>;
  /** Waits until every Sentinel names that one. */
  untilAllName(primary: TestRedisNode): Promise<void>;
  /** Waits until the primary has that many replicas that have caught up. */
  untilReplicated(replicas?: number, timeoutMs?: number): Promise<void>;
}

const host = '127.0.0.1';

/** Three Redis and three Sentinels with the platform's users and settings, on free ports, gone when disposed of. */
export async function startRedisSet(options: StartRedisSetOptions = {}): Promise<TestRedisSet> {
  const { program, ...timings } = options;
  const folder = await createTemporaryFolder('redis-set');
  const masterName = 'holdfast';
  const endpoints: RedisEndpoint[] = [];
  for (let index = 0; index < 6; index += 1) endpoints.push({ host, port: await reservePort() });
  const [redis, sentinels] = [endpoints.slice(0, 3), endpoints.slice(3)];
  const credentials = await createRedisCredentials(folder.path, { kind: 'sentinel', sentinels, masterName });
  const set = new RedisSet({
    folder: folder.path,
    masterName,
    redis,
    sentinels,
    users: credentials.users,
    extraUsers: [testAdmin],
    timings,
    ...(program === undefined ? {} : { program }),
  });
  const nodes = set.nodes.map((node) => new TestRedisNode(node));
  const findPrimary = async () => {
    const primary = await set.findPrimary();
    return nodes.find(({ node }) => node === primary);
  };
  const primary = () => pollUntil('a primary that most Sentinels name', 15_000, findPrimary);
  const dispose = async () => {
    await Promise.all(set.sentinels.map((sentinel) => sentinel.process?.stop('SIGKILL')));
    await Promise.all(nodes.map((node) => node.close()));
    await folder[Symbol.asyncDispose]();
  };
  try {
    await set.start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    ...credentials,
    masterName,
    nodes,
    sentinels: set.sentinels,
    folder: folder.path,
    askSentinel: (sentinel, ...command) =>
      askRedis(sentinel, credentials.users.sentinel, (redis) => redis.call(...(command as [string, ...string[]]))),
    environmentFor: (name) => ({
      REDIS_SENTINELS: sentinels.map((endpoint) => `${endpoint.host}:${endpoint.port}`).join(','),
      REDIS_MASTER_NAME: masterName,
      REDIS_USERNAME: name,
      REDIS_PASSWORD_FILE: credentials.passwordFile(name),
    }),
    primary,
    replicas: async () => {
      const current = await primary();
      return nodes.filter((node) => node !== current);
    },
    untilFailedOver: (from, timeoutMs = 20_000) =>
      pollUntil(`another primary than ${from.node.name}`, timeoutMs, async () => {
        const named = await findPrimary();
        return named !== from && named;
      }),
    untilAllName: async (primary) => {
      await pollUntil(`every Sentinel to name ${primary.node.name}`, 20_000, async () => {
        const named = await Promise.all(set.sentinels.map((sentinel) => sentinel.readPrimary()));
        return named.every(({ port }) => port === primary.port);
      });
    },
    untilReplicated: async (replicas = nodes.length - 1, timeoutMs = 20_000) => {
      await (await primary()).node.untilReplicated(replicas, timeoutMs);
    },
    [Symbol.asyncDispose]: dispose,
  };
}
