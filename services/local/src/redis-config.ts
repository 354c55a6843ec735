import type { RedisEndpoint } from '@holdfast/session';
import type { RedisCredential } from './redis-users.ts';

export interface RedisConfigOptions extends RedisEndpoint {
  folder: string;
  aclFile: string;
  /** How replicas log in; undefined for a single Redis that has none. */
  replication?: {
    user: RedisCredential;
    /** The primary to follow; undefined for the primary itself. */
    primary?: RedisEndpoint;
  };
}

/** A redis.conf, as the chart has it but for addresses and folders. */
export function createRedisConfig({ host, port, folder, aclFile, replication }: RedisConfigOptions): string {
  const lines = [
    `bind ${host}`,
    `port ${port}`,
    `dir "${folder}"`,
    `aclfile "${aclFile}"`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    // The sessions of a user are one hash of small records, which is to stay one compact block.
    'hash-max-listpack-value 1024',
    'hash-max-listpack-entries 128',
    // A service that was taken over may have written as much as it likes where it notes times: to free that must block nobody.
    'lazyfree-lazy-expire yes',
    // Nor may it send much at once, or ask for more than it reads until nothing is left for others.
    'client-output-buffer-limit normal 16mb 4mb 10',
    'client-query-buffer-limit 16mb',
    'proto-max-bulk-len 1mb',
    'maxmemory-clients 48mb',
  ];
  if (replication) {
    const { user, primary } = replication;
    lines.push(
      // A primary that lost its replicas takes no writes: they would be lost with it.
      'min-replicas-to-write 1',
      'min-replicas-max-lag 3',
      // Sessions are small: no need to wait for more replicas to join a full copy, and room for a long absence.
      'repl-diskless-sync-delay 0',
      'repl-backlog-size 16mb',
      'repl-ping-replica-period 1',
      'repl-timeout 10',
      `replica-announce-ip ${host}`,
      `replica-announce-port ${port}`,
      `masteruser ${user.username}`,
      `masterauth ${user.password}`,
    );
    if (primary) lines.push(`replicaof ${primary.host} ${primary.port}`);
  }
  return `${lines.join('\n')}\n`;
}
