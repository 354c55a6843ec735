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
  /** What can't be read now, a file that is being replaced, is read again after the next try. */
  const tryOptions = (onError: (error: Error) => void) => {
    try {
      return readOptions();
    } catch (error) {
      onError(error as Error);
      return {};
    }
  };
  let unread: Error | undefined;
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
    ...tryOptions((error) => {
      unread = error;
    }),
  });
  explainTlsMismatch(sentinel, config);
  const report = (error: Error) => sentinel.emit('error', error);
  sentinel.on('close', () => Object.assign(sentinel.options, tryOptions(report)));
  // Whoever listens does so by then.
  if (unread) queueMicrotask(() => unread && report(unread));
  return sentinel;
}

/** A value of the flat lists of names and values that Sentinel describes a Redis with. */
export const fieldOf = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1] ?? '';
