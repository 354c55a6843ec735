import { Redis } from 'ioredis';
import { explainTlsMismatch } from './explain-tls-mismatch.ts';
import type { RedisConfig, RedisEndpoint } from './redis-config.ts';

/** A connection to one Sentinel that goes on trying for as long as nobody closes it, and queues nothing while it is down. */
export function createSentinelClient({ host, port }: RedisEndpoint, name: string, config: RedisConfig): Redis {
  const { target } = config;
  const { username, password } = target.kind === 'sentinel' ? target : {};
  const readOptions = () => ({
    ...(password === undefined ? {} : { password: password() }),
    ...(config.tls === undefined ? {} : { tls: config.tls() }),
  });
  const sentinel = new Redis({
    host,
    port,
    ...(username === undefined ? {} : { username }),
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
    ...readOptions(),
  });
  explainTlsMismatch(sentinel, config);
  sentinel.on('close', () => {
    try {
      Object.assign(sentinel.options, readOptions());
    } catch (error) {
      sentinel.emit('error', error as Error);
    }
  });
  return sentinel;
}

/** A value of the flat lists of names and values that Sentinel describes a Redis with. */
export const fieldOf = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1] ?? '';
