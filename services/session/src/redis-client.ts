import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import type { NamedPrimary } from './ask-sentinels.ts';
import { PrimaryConnector } from './primary-connector.ts';
import type { SessionEnvironment } from './session-config.ts';

type ClientOptions = Omit<RedisOptions, 'replyMapping'>;
type ConnectorClass = NonNullable<RedisOptions['Connector']>;

const DISCONNECT_TIMEOUT_MS = 50;

export interface RedisEndpoint {
  host: string;
  port: number;
}

export interface SentinelTarget {
  kind: 'sentinel';
  sentinels: readonly RedisEndpoint[];
  masterName: string;
}

/** How Redis is reached: through Sentinels, or at one address. */
export type RedisTarget = SentinelTarget | ({ kind: 'single' } & RedisEndpoint);

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
  const { target } = config;
  const options: ClientOptions = {
    connectionName: name,
    lazyConnect: true,
    // CLIENT SETINFO is younger than Redis 7.0, where an ACL can't even name it.
    disableClientInfo: true,
    commandTimeout,
    connectTimeout: Math.max(config.commandTimeoutMs, 500),
    // A link that was cut says nothing at all: without this the kernel retransmits for minutes.
    socketTimeout: commandTimeout + 1000,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: (attempt: number) => Math.min(25 * attempt, 200),
    ...(config.username === undefined ? {} : { username: config.username }),
    ...credentials(config),
  };
  const redis = target.kind === 'single' ? connectTo(target, options) : followSentinels(config, target, options);
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

const connectTo = ({ host, port }: RedisEndpoint, options: ClientOptions) => new Redis({ ...options, host, port });

const connectors = new WeakMap<Redis, PrimaryConnector>();

function followSentinels(config: RedisConfig, target: SentinelTarget, options: ClientOptions): Redis {
  const connector = new PrimaryConnector(config, target, DISCONNECT_TIMEOUT_MS);
  // ioredis wants a class; a constructor that returns an object makes that object.
  const redis = new Redis({
    ...options,
    Connector: function Connector() {
      return connector;
    } as unknown as ConnectorClass,
  });
  connectors.set(redis, connector);
  return redis;
}

/** Says to a client of Sentinels who the primary is; a connection that is up is left where that is another one. */
export function tellPrimary(redis: Redis, named: NamedPrimary): void {
  connectors.get(redis)?.tell(named, redis.status === 'ready');
  leaveReplaced(redis);
}

/** Leaves a primary that is known to have a successor. */
export function leaveReplaced(redis: Redis): void {
  if (redis.status === 'ready' && connectors.get(redis)?.isReplaced) redis.disconnect(true);
}

/** The primary of a client of Sentinels may have a successor: it is left, and most Sentinels have to name it again. */
export function doubtPrimary(redis: Redis): void {
  connectors.get(redis)?.doubt();
  redis.disconnect(true);
}

/** Where a client of Sentinels is connected, or about to be: another object for each connection. */
export function endpointOf(redis: Redis): NamedPrimary | undefined {
  return connectors.get(redis)?.endpoint;
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
