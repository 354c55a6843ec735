import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisEndpoint } from './redis-config.ts';
import { fieldOf } from './sentinel-client.ts';

export interface NamedPrimary extends RedisEndpoint {
  /** Which failover made it the primary: a later one has a higher number, also among Sentinels that differ. */
  epoch: number;
  /** Whether most of the Sentinels have answered. The others may not know of a failover, or be cut off together with us. */
  certain: boolean;
}

/** For a Sentinel to be there, and to answer. */
const ASK_MS = 500;
/** For a Sentinel that is there, once most have answered: it may be the one that has just led a failover, and alone in knowing it. */
const SETTLE_MS = 50;

/**
 * Who the primary is, by the Sentinels that answer, all asked at once: until most of them have, and those that are there with
 * them, or all that can. Where they differ the latest failover counts, by its `config-epoch`, as it does among Sentinels.
 *
 * @throws Error where none of them names one
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#configuration-epochs
 */
export async function askSentinels(sentinels: readonly Redis[], masterName: string): Promise<NamedPrimary> {
  const answers: Answer[] = [];
  const failures: unknown[] = [];
  const pending = new Set(sentinels);
  const most = Promise.withResolvers<void>();
  const asked = sentinels.map(async (sentinel) => {
    try {
      answers.push(await ask(sentinel, masterName));
      if (answers.length > sentinels.length / 2) most.resolve();
    } catch (error) {
      failures.push(error);
    } finally {
      pending.delete(sentinel);
    }
  });
  const all = Promise.all(asked);
  await Promise.race([most.promise, all, delay(ASK_MS, undefined, { ref: false })]);
  const isCertain = () => answers.length > sentinels.length / 2;
  if (isCertain() && [...pending].some(({ status }) => status === 'ready'))
    await Promise.race([all, delay(SETTLE_MS, undefined, { ref: false })]);
  if (answers.length > 0) return { ...latest(answers), certain: isCertain() };
  throw new Error(`no Sentinel of ${sentinels.length} names a primary for ${masterName}`, { cause: failures[0] });
}

type Answer = Omit<NamedPrimary, 'certain'>;

async function ask(sentinel: Redis, masterName: string): Promise<Answer> {
  if (sentinel.status !== 'ready') await once(sentinel, 'ready', { signal: AbortSignal.timeout(ASK_MS) });
  const [fields, address] = (await Promise.all([
    // Its address is still the old one while a failover ends, but its epoch is the new one.
    sentinel.call('SENTINEL', 'MASTER', masterName),
    sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName),
  ])) as [string[], [string, string]];
  return { host: address[0], port: Number(address[1]), epoch: Number(fieldOf(fields, 'config-epoch')) };
}

const latest = (answers: readonly Answer[]) => answers.reduce((one, other) => (other.epoch > one.epoch ? other : one));
