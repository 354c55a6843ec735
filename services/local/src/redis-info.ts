import type { RedisEndpoint } from '@holdfast/session';
import { Redis } from 'ioredis';
import type { RedisCredential } from './redis-users.ts';

/** A connection for one question: it fails at once instead of trying again. */
export function createOneShotClient(endpoint: RedisEndpoint, credential?: RedisCredential): Redis {
  const redis = new Redis({
    ...endpoint,
    ...(credential ?? {}),
    lazyConnect: true,
    connectTimeout: 500,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    disableClientInfo: true,
    disconnectTimeout: 50,
  });
  // The failure is told to whoever asked.
  redis.on('error', () => {});
  return redis;
}

/** Asks one question on a connection of its own. */
export async function askRedis<T>(
  endpoint: RedisEndpoint,
  credential: RedisCredential | undefined,
  question: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = createOneShotClient(endpoint, credential);
  try {
    await redis.connect();
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/** The fields of INFO, of one section or of all. */
export async function readRedisInfo(
  endpoint: RedisEndpoint,
  credential: RedisCredential,
  section: string,
): Promise<Record<string, string>> {
  const text = await askRedis(endpoint, credential, (redis) => redis.info(section));
  const pairs = text.split('\r\n').filter((line) => line.includes(':'));
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
