import { hash, randomBytes } from 'node:crypto';
import { redisUserRules } from '@holdfast/session';
import { supportedRules } from './supported-rules.ts';

const allow = (...commands: string[]) => ['resetchannels', '-@all', ...commands.map((command) => `+${command}`)];

/**
 * Every Redis user of the platform. The services' rules are the session library's; `replica` and `sentinel` are the
 * minimum the Redis documentation names ("ACL rules for Sentinel and Replicas"), `sentinel` narrowed to the one channel
 * Sentinels use; `exporter` and `probe` read only counters and state, and never the configuration, which holds passwords.
 */
export const redisRules = {
  ...redisUserRules,
  replica: allow('psync', 'replconf', 'ping'),
  sentinel: [
    ...allow('multi', 'slaveof', 'ping', 'exec', 'subscribe', 'config|rewrite', 'role', 'publish', 'info'),
    ...['+client|setname', '+client|kill', '+script|kill', '&__sentinel__:hello'],
  ],
  exporter: allow('ping', 'info', 'client|setname', 'slowlog|len', 'latency|latest', 'latency|histogram'),
  probe: allow('ping', 'info', 'role', 'client|setname', 'client|setinfo'),
} as const;

export type RedisUserName = keyof typeof redisRules;

export interface RedisCredential {
  username: string;
  password: string;
}

export type RedisUsers = Record<RedisUserName, RedisCredential>;

/** A new password for every user. */
export function createRedisUsers(): RedisUsers {
  const names = Object.keys(redisRules) as RedisUserName[];
  return Object.fromEntries(
    names.map((username) => [username, { username, password: randomBytes(24).toString('base64url') }]),
  ) as RedisUsers;
}

/** A user beyond those of the platform, with rules of its own. */
export interface ExtraRedisUser extends RedisCredential {
  rules: readonly string[];
}

// Off: nobody can be it. But Redis replays the transactions in its append-only file as `default`, and drops every one
// that `default` may not run: without these permissions a restart would lose all sessions.
const defaultUser = 'user default off ~* &* +@all';

/**
 * The ACL file: `default` is off, and passwords are there only as SHA-256, which is safe for random ones.
 *
 * @param program the server that will read it
 */
export function createAclFile(program: string, users: RedisUsers, extra: readonly ExtraRedisUser[] = []): string {
  const all = [
    ...Object.values(users).map((user) => ({ ...user, rules: redisRules[user.username as RedisUserName] })),
    ...extra,
  ];
  const lines = all.map(
    ({ username, password, rules }) =>
      `user ${username} on #${hash('sha256', password)} ${supportedRules(program, rules).join(' ')}`,
  );
  return `${[defaultUser, ...lines].join('\n')}\n`;
}
