import { Redis } from 'ioredis';
import type { RedisConfig, RedisEndpoint } from './redis-client.ts';

/** A connection to one Sentinel that goes on trying for as long as nobody closes it, and queues nothing while it is down. */
export function createSentinelClient({ host, port }: RedisEndpoint, name: string, config: RedisConfig): Redis {
  return new Redis({
    host,
    port,
    connectionName: name,
    disableClientInfo: true,
    enableReadyCheck: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    commandTimeout: Math.max(config.commandTimeoutMs, 1000),
    connectTimeout: 1000,
    // A link that was cut is noticed by the kernel's probes: a connection that only listens never sends.
    keepAlive: 5000,
    retryStrategy: () => 500 + Math.random() * 500,
    ...(config.tls === undefined ? {} : { tls: config.tls() }),
  });
}

/** A value of the flat lists of names and values that Sentinel describes a Redis with. */
export const fieldOf = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1] ?? '';
