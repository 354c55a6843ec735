import { once } from 'node:events';
import type { Redis } from 'ioredis';
import type { RedisEndpoint } from './redis-client.ts';
import { fieldOf } from './sentinel-client.ts';

export interface NamedPrimary extends RedisEndpoint {
  /** Whether most of the Sentinels have answered. The others may not know of a failover, or be cut off together with us. */
  certain: boolean;
}

/** For a Sentinel to be there. */
const ASK_MS = 500;

/**
 * Who the primary is, by the Sentinels that answer, all asked at once: until most of them have, or all that can. Where they
 * differ the latest failover counts, by its `config-epoch`, as it does among Sentinels.
 *
 * @throws Error where none of them names one
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#configuration-epochs
 */
export async function askSentinels(sentinels: readonly Redis[], masterName: string): Promise<NamedPrimary> {
  const answers: Answer[] = [];
  const most = Promise.withResolvers<NamedPrimary>();
  const asked = sentinels.map(async (sentinel) => {
    answers.push(await ask(sentinel, masterName));
    if (answers.length > sentinels.length / 2) most.resolve({ ...latest(answers), certain: true });
  });
  const all = Promise.allSettled(asked).then((results) => {
    if (answers.length > 0) return { ...latest(answers), certain: false };
    const [reason] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    throw new Error(`no Sentinel of ${sentinels.length} names a primary for ${masterName}`, { cause: reason });
  });
  return Promise.race([most.promise, all]);
}

interface Answer extends RedisEndpoint {
  epoch: number;
}

async function ask(sentinel: Redis, masterName: string): Promise<Answer> {
  if (sentinel.status !== 'ready') await once(sentinel, 'ready', { signal: AbortSignal.timeout(ASK_MS) });
  const [fields, address] = (await Promise.all([
    // Its address is still the old one while a failover ends, but its epoch is the new one.
    sentinel.call('SENTINEL', 'MASTER', masterName),
    sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName),
  ])) as [string[], [string, string]];
  return { host: address[0], port: Number(address[1]), epoch: Number(fieldOf(fields, 'config-epoch')) };
}

function latest(answers: readonly Answer[]): RedisEndpoint {
  const { host, port } = answers.reduce((one, other) => (other.epoch > one.epoch ? other : one));
  return { host, port };
}
