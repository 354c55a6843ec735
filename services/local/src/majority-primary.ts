import type { RedisEndpoint } from '@holdfast/session';
import type { SentinelNode } from './sentinel-node.ts';

/**
 * The primary that more than half of all Sentinels name, or undefined while there is no such majority: one Sentinel
 * alone may have been cut off and remember an old one.
 */
export async function readMajorityPrimary(sentinels: readonly SentinelNode[]): Promise<RedisEndpoint | undefined> {
  const answers = await Promise.allSettled(sentinels.map((sentinel) => sentinel.readPrimary()));
  const votes = new Map<string, { endpoint: RedisEndpoint; count: number }>();
  for (const answer of answers) {
    if (answer.status === 'rejected') continue;
    const key = `${answer.value.host} ${answer.value.port}`;
    const vote = votes.get(key) ?? { endpoint: answer.value, count: 0 };
    vote.count += 1;
    votes.set(key, vote);
  }
  return [...votes.values()].find(({ count }) => count * 2 > sentinels.length)?.endpoint;
}
