import { readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { createIamPassword } from './iam-password.ts';
import { type SessionEnvironment, usesTls } from './session-config.ts';

export interface RedisEndpoint {
  host: string;
  port: number;
}

export interface SentinelTarget {
  kind: 'sentinel';
  sentinels: readonly RedisEndpoint[];
  masterName: string;
  /** The user of the Sentinels themselves, where they ask for one. */
  username?: string;
  /** Asked at every connection to a Sentinel. */
  password?: () => string;
}

/** How Redis is reached: through Sentinels, or at one address. */
export type RedisTarget = SentinelTarget | ({ kind: 'single' } & RedisEndpoint);

export interface RedisConfig {
  target: RedisTarget;
  username?: string;
  /**
   * Asked at every connection, and every ten seconds while one is up: where it has changed, the connection proves itself again. It
   * may throw while there is no password yet.
   */
  password?: () => string;
  /** Asked at every connection as well; undefined is no TLS. Sentinel and Redis are taken to use the same. */
  tls?: () => ConnectionOptions;
  commandTimeoutMs: number;
}

/** The parsed environment as a {@link RedisConfig}. Files are read when a connection is made. */
export function toRedisConfig(env: SessionEnvironment): RedisConfig {
  const url = env.REDIS_URL === undefined ? undefined : new URL(env.REDIS_URL);
  const password = toPassword(env);
  return {
    target: url
      ? { kind: 'single', host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }
      : toSentinelTarget(env),
    ...(env.REDIS_USERNAME === undefined ? {} : { username: env.REDIS_USERNAME }),
    ...(password === undefined ? {} : { password }),
    ...(usesTls(env) ? { tls: () => tlsOptions(env) } : {}),
    commandTimeoutMs: env.REDIS_COMMAND_TIMEOUT_MS,
  };
}

function toSentinelTarget(env: SessionEnvironment): SentinelTarget {
  const { REDIS_SENTINEL_USERNAME: username, REDIS_SENTINEL_PASSWORD_FILE: passwordFile } = env;
  return {
    kind: 'sentinel',
    sentinels: env.REDIS_SENTINELS ?? [],
    masterName: env.REDIS_MASTER_NAME ?? '',
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: () => readPassword(passwordFile) }),
  };
}

function toPassword(env: SessionEnvironment): (() => string) | undefined {
  const { REDIS_PASSWORD_FILE: passwordFile, REDIS_AUTH, REDIS_AWS_CACHE: cache, AWS_REGION: region } = env;
  if (REDIS_AUTH === 'aws-iam') {
    const [service, kind] = env.REDIS_AWS_SERVICE.split('-') as [string, string | undefined];
    const isServerless = kind === 'serverless';
    return createIamPassword({
      service,
      isServerless,
      cache: cache ?? '',
      region: region ?? '',
      username: env.REDIS_USERNAME ?? '',
    });
  }
  return passwordFile === undefined ? undefined : () => readPassword(passwordFile);
}

const readPassword = (file: string) => readFileSync(file, 'utf8').trim();

/** @throws Error where they can't be used, such as a key that is not the certificate's: one of the two may have been replaced */
function tlsOptions(env: SessionEnvironment): ConnectionOptions {
  const { REDIS_CA_FILE: caFile, REDIS_CERT_FILE: certFile, REDIS_KEY_FILE: keyFile } = env;
  const files = {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
  createSecureContext(files);
  return { ...files, ...(env.REDIS_TLS_SERVER_NAME === undefined ? {} : { servername: env.REDIS_TLS_SERVER_NAME }) };
}
