import type { Redis } from 'ioredis';

export interface RedisCounters {
  /** Of the main thread and the others. */
  cpuMicros: number;
  /** Every command, also those that a function runs. */
  commands: number;
  /** Those that write. */
  writes: number;
  /** How often Redis read from a socket: what a client sent together arrives together. */
  reads: number;
  replicationBytes: number;
  memoryBytes: number;
}

/** The expiry that goes with a write is a part of it; alone, as the touch of connect-redis, it is one. */
const writing = /^(set|setex|del|expire|hset|hdel|zadd|zrem|incr|decr)$/;
/** Those of the replica's link, of the connections' own upkeep and of this measurement. */
const upkeep = /^(info|replconf|ping|psync|client|hello|auth|config|function|select|command|role)(\||$)/;

export async function readRedisCounters(redis: Redis): Promise<RedisCounters> {
  const texts = await Promise.all(
    ['cpu', 'stats', 'commandstats', 'replication', 'memory'].map((name) => redis.info(name)),
  );
  const text = texts.join('\n');
  const number = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1] ?? 0);
  let commands = 0;
  let writes = 0;
  for (const [, name = '', calls] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (!upkeep.test(name)) commands += Number(calls);
    if (writing.test(name)) writes += Number(calls);
  }
  return {
    cpuMicros: Math.round((number('used_cpu_sys') + number('used_cpu_user')) * 1e6),
    commands,
    writes,
    reads: number('total_reads_processed'),
    replicationBytes: number('master_repl_offset'),
    memoryBytes: number('used_memory'),
  };
}

/** What was counted between the two. */
export function subtract(after: RedisCounters, before: RedisCounters): RedisCounters {
  const names = Object.keys(after) as (keyof RedisCounters)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as RedisCounters;
}
