import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import type { SessionEnvironment } from './session-config.ts';

type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

export interface RedisEndpoint {
  host: string;
  port: number;
}

/** How Redis is reached: through Sentinels, or at one address. */
export type RedisTarget =
  | { kind: 'sentinel'; sentinels: readonly RedisEndpoint[]; masterName: string }
  | ({ kind: 'single' } & RedisEndpoint);

export interface RedisConfig {
  target: RedisTarget;
  username?: string;
  /** Asked at every connection, so a rotated password is used from the next one on. */
  password?: () => string;
  /** Asked at every connection as well; undefined is no TLS. Sentinel and Redis are taken to use the same. */
  tls?: () => ConnectionOptions;
  commandTimeoutMs: number;
}

/** The parsed environment as a {@link RedisConfig}. Files are read when a connection is made. */
export function toRedisConfig(env: SessionEnvironment): RedisConfig {
  const { REDIS_PASSWORD_FILE: passwordFile } = env;
  const url = env.REDIS_URL === undefined ? undefined : new URL(env.REDIS_URL);
  const tls = env.REDIS_TLS === 'true' || url?.protocol === 'rediss:';
  return {
    target: url
      ? { kind: 'single', host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }
      : { kind: 'sentinel', sentinels: env.REDIS_SENTINELS ?? [], masterName: env.REDIS_MASTER_NAME ?? '' },
    ...(env.REDIS_USERNAME === undefined ? {} : { username: env.REDIS_USERNAME }),
    ...(passwordFile === undefined ? {} : { password: () => readFileSync(passwordFile, 'utf8').trim() }),
    ...(tls ? { tls: () => tlsOptions(env.REDIS_CA_FILE, env.REDIS_TLS_SERVER_NAME) } : {}),
    commandTimeoutMs: env.REDIS_COMMAND_TIMEOUT_MS,
  };
}

/**
 * A Redis connection that fails fast and always comes back: no queue while it is down, and nothing is sent a second time
 * behind the caller's back.
 *
 * @param extraTimeoutMs added to the command timeout, for a connection that blocks on purpose (WAIT)
 */
export function createRedisClient(config: RedisConfig, name: string, extraTimeoutMs = 0): Redis {
  const commandTimeout = config.commandTimeoutMs + extraTimeoutMs;
  const backoff = (attempt: number) => Math.min(25 * attempt, 200);
  const options: ClientOptions = {
    connectionName: name,
    lazyConnect: true,
    // CLIENT SETINFO is younger than Redis 7.0, where an ACL can't even name it.
    disableClientInfo: true,
    commandTimeout,
    connectTimeout: Math.max(config.commandTimeoutMs, 500),
    // A link that was cut says nothing at all: without this the kernel retransmits for minutes.
    socketTimeout: commandTimeout + 1000,
    disconnectTimeout: 50,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: backoff,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...credentials(config),
  };
  const redis = new Redis({ ...options, ...targetOptions(config, backoff) });
  redis.on('close', () => {
    try {
      Object.assign(redis.options, credentials(config));
    } catch (error) {
      // The file is being replaced: the next connection tries the old credentials, the one after reads again.
      redis.emit('error', error as Error);
    }
  });
  return redis;
}

function targetOptions(
  { target, commandTimeoutMs, tls }: RedisConfig,
  backoff: (attempt: number) => number,
): ClientOptions {
  if (target.kind === 'single') return { host: target.host, port: target.port };
  return {
    sentinels: [...target.sentinels],
    name: target.masterName,
    role: 'master',
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelRetryStrategy: backoff,
    ...(tls === undefined ? {} : { sentinelTLS: tls(), enableTLSForSentinelMode: true }),
  };
}

function tlsOptions(caFile: string | undefined, serverName: string | undefined): ConnectionOptions {
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

function credentials(config: RedisConfig): Pick<ClientOptions, 'password' | 'tls'> {
  return {
    ...(config.password === undefined ? {} : { password: config.password() }),
    ...(config.tls === undefined ? {} : { tls: config.tls() }),
  };
}
