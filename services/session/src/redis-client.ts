import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import type { NamedPrimary } from './ask-sentinels.ts';
import { explainTlsMismatch } from './explain-tls-mismatch.ts';
import { PrimaryConnector } from './primary-connector.ts';
import type { RedisConfig, RedisEndpoint, SentinelTarget } from './redis-config.ts';

type ClientOptions = Omit<RedisOptions, 'replyMapping'>;
type ConnectorClass = NonNullable<RedisOptions['Connector']>;

const DISCONNECT_TIMEOUT_MS = 50;
/** How often a connection looks whether the password is another one, and how long it waits where there is none yet. */
const LOOK_AT_PASSWORD_MS = 10_000;
const PASSWORD_MISSING_MS = 250;

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
    ...(config.tls === undefined ? {} : { tls: config.tls() }),
  };
  const redis = target.kind === 'single' ? connectTo(target, options) : followSentinels(config, target, options);
  explainTlsMismatch(redis, config);
  if (config.password) keepPassword(redis, config.password);
  redis.on('close', () => tryOr(redis, () => Object.assign(redis.options, config.tls && { tls: config.tls() })));
  return redis;
}

/**
 * Every connection begins with the password of that moment. One that is up proves itself again when the password has changed: tokens
 * of cloud providers live for minutes, and connections that were made with one are closed after some hours.
 */
function keepPassword(redis: Redis, password: () => string): void {
  const options = redis.options;
  const connect = redis.connect.bind(redis);
  redis.connect = async (callback) => {
    const isFirst = redis.status === 'wait';
    // There may be none yet: a token that is still being signed, a file that a sidecar has still to write.
    while (redis.status === 'wait' && !tryOr(redis, () => Object.assign(options, { password: password() })))
      await delay(PASSWORD_MISSING_MS);
    // Else it was closed meanwhile, or another call connects it.
    if (!isFirst || redis.status === 'wait') await connect(callback);
  };
  let used: string | undefined;
  const prove = async () => {
    const next = password();
    // In RESP2 a connection that listens may ask for nothing else. It is made anew.
    const listens = redis.mode === 'subscriber' && options.protocol === 2;
    if (next === used || redis.status !== 'ready') return;
    if (listens) redis.disconnect(true);
    else await redis.call('AUTH', options.username ?? 'default', next);
    used = next;
  };
  let timer: NodeJS.Timeout | undefined;
  redis.on('ready', () => {
    used = options.password ?? undefined;
    clearInterval(timer);
    // A failure leaves the connection as it was, and is tried again: the server may learn of a new password later than we do.
    timer = setInterval(() => prove().catch((error) => redis.emit('error', error)), LOOK_AT_PASSWORD_MS).unref();
  });
  redis.on('close', () => {
    clearInterval(timer);
    // The file is being replaced: the next connection tries the old password, the one after reads again.
    tryOr(redis, () => Object.assign(options, { password: password() }));
  });
}

/** Whether it could be done; if not, the error is the connection's. */
function tryOr(redis: Redis, run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    redis.emit('error', error as Error);
    return false;
  }
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
