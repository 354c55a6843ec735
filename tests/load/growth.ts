import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { ArmProcess } from './arm-process.ts';
import type { LoadGenerator } from './load-generator.ts';
import { SERVICE_CORE } from './pin.ts';
import { readRedisCounters } from './redis-counters.ts';
import type { RedisPair } from './redis-pair.ts';
import type { GrowthStep } from './results.ts';

export interface GrowthOptions {
  redis: RedisPair;
  generator: LoadGenerator;
  secret: string;
  folder: string;
  /** How many sessions there are at each step, in rising order. */
  steps: readonly number[];
  say(text: string): void;
}

/** One session a user, the dearest way to have them, and two: a telephone and a computer. */
const MIXES = [1, 2];

/** Memory and latency as the sessions become more, mix by mix. */
export async function measureGrowth(options: GrowthOptions): Promise<GrowthStep[]> {
  const measured = [];
  for (const sessionsPerUser of MIXES) measured.push(...(await measureMix(options, sessionsPerUser)));
  return measured;
}

async function measureMix(options: GrowthOptions, sessionsPerUser: number): Promise<GrowthStep[]> {
  const { redis, generator, secret, folder, steps, say } = options;
  const admin = redis.primary.admin();
  await using arm = await ArmProcess.start('holdfast', { ...redis.settings, secret }, SERVICE_CORE);
  await admin.flushdb('SYNC');
  // The replica forgets a million sessions, too, before it confirms any more.
  await admin.wait(1, 60_000);
  const { memoryBytes: empty } = await readRedisCounters(admin);
  const measured: GrowthStep[] = [];
  let sessions = 0;
  for (const step of steps) {
    const file = join(folder, `growth-${sessionsPerUser}-${step}.sessions`);
    await arm.call('seed', sessions / sessionsPerUser, step - sessions, sessionsPerUser, file);
    sessions = step;
    const { memoryBytes } = await readRedisCounters(admin);
    const order = {
      ports: [arm.port],
      connections: 64,
      load: { kind: 'each' as const, path: '/me', file, limit: 100_000 },
    };
    await generator.run({ ...order, durationMs: 1000 });
    const rates = [];
    for (let round = 0; round < 3; round++) {
      rates.push(await generator.run({ ...order, offset: round * 313, durationMs: 2000, settleMs: 300 }));
    }
    const [, middle] = rates.toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond);
    const bytesPerSession = (memoryBytes - empty) / sessions;
    const result: GrowthStep = {
      sessionsPerUser,
      sessions,
      memoryMegabytes: Math.round((memoryBytes - empty) / 1e6),
      bytesPerSession: Math.round(bytesPerSession),
      parts: await measureParts(admin),
      requestsPerSecond: Math.round(middle?.requestsPerSecond ?? 0),
      p50Ms: Number(middle?.p50Ms.toFixed(2)),
      p99Ms: Number(middle?.p99Ms.toFixed(2)),
    };
    say(
      `${sessions} sessions, ${sessionsPerUser} a user: ${result.memoryMegabytes} MB, ${result.bytesPerSession} bytes each, ${result.requestsPerSecond}/s, p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms`,
    );
    measured.push(result);
  }
  return measured;
}

/** What MEMORY USAGE says of some keys of each kind, on average; without their share of Redis' table of keys. */
async function measureParts(redis: Redis): Promise<GrowthStep['parts']> {
  const average = async (pattern: string) => {
    const [, keys] = await redis.scan(0, 'MATCH', pattern, 'COUNT', 3000);
    const sizes = await Promise.all(keys.map((key) => redis.memory('USAGE', key)));
    return Math.round(sizes.reduce<number>((sum, size) => sum + Number(size), 0) / Math.max(1, keys.length));
  };
  return { records: await average('hf:s:*'), touches: await average('hf:t:*') };
}
