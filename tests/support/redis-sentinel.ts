import { join } from 'node:path';
import type { RedisEndpoint } from '@holdfast/session';
import { readMajorityPrimary } from '../../services/local/src/majority-primary.ts';
import { RedisNode } from '../../services/local/src/redis-node.ts';
import { SentinelNode } from '../../services/local/src/sentinel-node.ts';
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
  /** The environment variables of a service that uses it as that user. */
  environmentFor(name: 'auth' | 'validator'): Record<string, string>;
  /** The node that a majority of the Sentinels names as the primary. */
  primary(): Promise<TestRedisNode>;
  replicas(): Promise<TestRedisNode[]>;
  /** Waits until the Sentinels name another primary than that one. */
  untilFailedOver(from: TestRedisNode, timeoutMs?: number): Promise<TestRedisNode>;
  /** Waits until the primary has that many replicas that have caught up. */
  untilReplicated(replicas?: number, timeoutMs?: number): Promise<void>;
}

const host = '127.0.0.1';
const NODES = 3;

/** Three Redis and three Sentinels with the platform's users and settings, on free ports, gone when disposed of. */
export async function startRedisSet(options: StartRedisSetOptions = {}): Promise<TestRedisSet> {
  const { downAfterMs = 1000, failoverTimeoutMs = 15_000, ...program } = options;
  const folder = await createTemporaryFolder('redis-set');
  const masterName = 'holdfast';
  const endpoints: RedisEndpoint[] = [];
  for (let index = 0; index < NODES * 2; index += 1) endpoints.push({ host, port: await reservePort() });
  const sentinelEndpoints = endpoints.slice(NODES);
  const credentials = await createRedisCredentials(folder.path, {
    kind: 'sentinel',
    sentinels: sentinelEndpoints,
    masterName,
  });
  const { users, passwordFile } = credentials;
  const nodes = endpoints.slice(0, NODES).map((endpoint, index) => {
    const name = `redis-${index + 1}`;
    const where = { name, ...endpoint, folder: join(folder.path, name), ...program };
    return new TestRedisNode(new RedisNode({ ...where, users, extraUsers: [testAdmin], replicated: true }));
  });
  const sentinels = sentinelEndpoints.map((endpoint, index) => {
    const name = `sentinel-${index + 1}`;
    const where = { name, ...endpoint, folder: join(folder.path, name), ...program };
    const timings = { downAfterMs, failoverTimeoutMs };
    const logins = { redisUser: users.sentinel, sentinelUser: users.sentinel };
    return new SentinelNode({ ...where, ...timings, ...logins, masterName, quorum: 2 });
  });

  const nodeAt = (endpoint: RedisEndpoint | undefined) => nodes.find(({ port }) => port === endpoint?.port);
  const primary = () =>
    pollUntil('a primary that most Sentinels name', 15_000, async () => nodeAt(await readMajorityPrimary(sentinels)));
  const dispose = async () => {
    await Promise.all(sentinels.map((sentinel) => sentinel.process?.stop('SIGKILL')));
    await Promise.all(nodes.map((node) => node.close()));
    await folder[Symbol.asyncDispose]();
  };

  try {
    const [first, ...others] = nodes as [TestRedisNode, ...TestRedisNode[]];
    await first.start();
    await Promise.all(others.map((node) => node.start(first)));
    await Promise.all(sentinels.map((sentinel) => sentinel.start(first)));
    await Promise.all(sentinels.map((sentinel) => sentinel.untilReady(NODES - 1, NODES - 1)));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    ...credentials,
    masterName,
    nodes,
    sentinels,
    folder: folder.path,
    environmentFor: (name) => ({
      REDIS_SENTINELS: sentinelEndpoints.map((endpoint) => `${endpoint.host}:${endpoint.port}`).join(','),
      REDIS_MASTER_NAME: masterName,
      REDIS_USERNAME: name,
      REDIS_PASSWORD_FILE: passwordFile(name),
    }),
    primary,
    replicas: async () => {
      const current = await primary();
      return nodes.filter((node) => node !== current);
    },
    untilFailedOver: (from, timeoutMs = 20_000) =>
      pollUntil(`another primary than ${from.node.name}`, timeoutMs, async () => {
        const named = nodeAt(await readMajorityPrimary(sentinels));
        return named !== from && named;
      }),
    untilReplicated: async (replicas = NODES - 1, timeoutMs = 20_000) => {
      await (await primary()).node.untilReplicated(replicas, timeoutMs);
    },
    [Symbol.asyncDispose]: dispose,
  };
}
