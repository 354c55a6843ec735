/** What `INFO replication` says of a Redis, by the names of its fields; nothing where a user may not ask. */
export type ReplicationInfo = Readonly<Record<string, string | undefined>>;

/** For how long a replica may be silent where Redis does not count those that are with it (`min-replicas-to-write 0`). */
const MAX_LAG_SECONDS = 3;

/** Of one replica, such as `ip=192.0.2.1,port=6379,state=online,offset=1234,lag=0`. */
const replicaOf = /\bstate=online,offset=(\d+),lag=(\d+)/;

export function parseReplicationInfo(text: string): ReplicationInfo {
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
}

/**
 * Whether one of its replicas is with a primary, in the time after which it takes no writes (`min-replicas-max-lag`). One
 * that all have left may have a successor that it does not know of, and would answer with old data.
 */
export function isFollowed(info: ReplicationInfo): boolean {
  const good = info['min_slaves_good_slaves'];
  if (good !== undefined) return good !== '0';
  return replicasOf(info).some(({ lag }) => lag <= MAX_LAG_SECONDS);
}

/**
 * Whether a replica has taken what the primary wrote after `offset`, which is what that had written before. The number of
 * replicas proves less: when a network is mended, it delivers what a replica said before it went to a successor, and Redis
 * takes it for news.
 */
export function hasTakenMoreThan(offset: number, info: ReplicationInfo): boolean {
  return replicasOf(info).some((replica) => replica.offset > offset);
}

/** How much the primary has ever written, in bytes. */
export function writtenOffsetOf(info: ReplicationInfo): number {
  return Number(info['master_repl_offset'] ?? Number.NaN);
}

function replicasOf(info: ReplicationInfo): { offset: number; lag: number }[] {
  return Object.entries(info).flatMap(([name, value]) => {
    const [, offset, lag] = (/^slave\d+$/.test(name) && replicaOf.exec(value ?? '')) || [];
    return offset === undefined ? [] : [{ offset: Number(offset), lag: Number(lag) }];
  });
}
