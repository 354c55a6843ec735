import { join } from 'node:path';
import type { RedisEndpoint } from '@holdfast/session';
import { SentinelNode } from '../../services/local/src/sentinel-node.ts';
import type { TestRedisSet } from './redis-sentinel.ts';
import { reservePort } from './reserve-port.ts';

/** One more Sentinel, which knows nobody but that primary. */
export async function startSentinelBeside(set: TestRedisSet, primary: RedisEndpoint) {
  const { users, masterName } = set;
  const endpoint = { host: '127.0.0.1', port: await reservePort() };
  const sentinel = new SentinelNode({
    ...endpoint,
    name: 'sentinel-cut-off',
    folder: join(set.folder, 'sentinel-cut-off'),
    masterName,
    quorum: 2,
    redisUser: users.sentinel,
    sentinelUser: users.sentinel,
    downAfterMs: 2000,
    failoverTimeoutMs: 15_000,
  });
  await sentinel.start(primary);
  return { endpoint, [Symbol.asyncDispose]: () => sentinel.stop() };
}
