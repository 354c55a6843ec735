import { hash } from 'node:crypto';
import type { RedisEndpoint } from '@holdfast/session';
import type { RedisCredential } from './redis-users.ts';
import { supportedRules } from './supported-rules.ts';

export interface SentinelTimings {
  /** How long a Redis may be silent before a Sentinel holds it to be down. More than 1500: it first asks a new primary after 1 s. */
  downAfterMs: number;
  failoverTimeoutMs: number;
}

export interface SentinelConfigOptions extends RedisEndpoint, SentinelTimings {
  /** The server that will read it. */
  program: string;
  folder: string;
  masterName: string;
  /** The primary to begin with; what an earlier run has learned wins. */
  primary: RedisEndpoint;
  quorum: number;
  /** How Sentinels log in to Redis. */
  redisUser: RedisCredential;
  /** How Sentinels and operators log in to Sentinels. */
  sentinelUser: RedisCredential;
}

/** Anybody who reaches a Sentinel may find the primary, and change nothing. */
export const sentinelDiscoveryRules = [
  ...['resetkeys', '&*', '-@all', '+ping', '+info', '+role', '+subscribe', '+psubscribe', '+unsubscribe'],
  ...[
    '+punsubscribe',
    '+client|setinfo',
    '+client|setname',
    '+sentinel|get-master-addr-by-name',
    '+sentinel|sentinels',
  ],
  ...['+sentinel|replicas', '+sentinel|slaves', '+sentinel|master', '+sentinel|masters', '+sentinel|ckquorum'],
];

// Sentinel writes down what it learns: who is primary since which epoch, and who else is there. Forgetting that at a
// restart would be guessing.
const learned = /^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) /;

/** @param earlier the file as Sentinel left it, if there is one */
export function createSentinelConfig(options: SentinelConfigOptions, earlier = ''): string {
  const { masterName: name, primary, redisUser, sentinelUser } = options;
  const kept = earlier.split('\n').filter((line) => learned.test(line));
  const monitor = kept.find((line) => line.startsWith('sentinel monitor '));
  const lines = [
    `bind ${options.host}`,
    `port ${options.port}`,
    `dir "${options.folder}"`,
    `user default on nopass ${supportedRules(options.program, sentinelDiscoveryRules).join(' ')}`,
    `user ${sentinelUser.username} on #${hash('sha256', sentinelUser.password)} resetkeys &* +@all`,
    `sentinel sentinel-user ${sentinelUser.username}`,
    `sentinel sentinel-pass ${sentinelUser.password}`,
    `sentinel announce-ip ${options.host}`,
    `sentinel announce-port ${options.port}`,
    ...kept.filter((line) => line.startsWith('sentinel myid ')),
    monitor ?? `sentinel monitor ${name} ${primary.host} ${primary.port} ${options.quorum}`,
    `sentinel auth-user ${name} ${redisUser.username}`,
    `sentinel auth-pass ${name} ${redisUser.password}`,
    `sentinel down-after-milliseconds ${name} ${options.downAfterMs}`,
    `sentinel failover-timeout ${name} ${options.failoverTimeoutMs}`,
    `sentinel parallel-syncs ${name} 1`,
    ...kept.filter((line) => line !== monitor && !line.startsWith('sentinel myid ')),
  ];
  return `${lines.join('\n')}\n`;
}
