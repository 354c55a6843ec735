import { ArmProcess } from './arm-process.ts';
import type { LoadGenerator } from './load-generator.ts';
import { SERVICE_CORE } from './pin.ts';
import type { RedisPair } from './redis-pair.ts';
import type { LeakStep } from './results.ts';

export interface LeakOptions {
  redis: RedisPair;
  generator: LoadGenerator;
  secret: string;
  /** The sessions, one header a line. */
  file: string;
  /** How often the requests are sent again. */
  steps: number;
  requestsPerStep: number;
  say(text: string): void;
}

/**
 * A service after one bounded batch of requests and another: what its heap still holds once garbage is collected, its
 * resident memory, and what a request cost. A leak is a heap that grows with every step.
 */
export async function measureLeak(arm: string, options: LeakOptions): Promise<LeakStep[]> {
  const { redis, generator, secret, file, steps, requestsPerStep, say } = options;
  await using service = await ArmProcess.start(arm, { ...redis.settings, secret }, SERVICE_CORE);
  const load = { kind: 'each' as const, path: '/me', file };
  const measured: LeakStep[] = [];
  for (let step = 1; step <= steps; step++) {
    const { cpuMicros: before } = await service.call('usage');
    const { requests } = await generator.run({ ports: [service.port], connections: 64, load, amount: requestsPerStep });
    const { cpuMicros, residentBytes } = await service.call('usage');
    const heapBytes = await service.call('collectGarbage');
    const result = {
      requests: step * requests,
      heapMegabytes: Number((heapBytes / 1e6).toFixed(1)),
      residentMegabytes: Math.round(residentBytes / 1e6),
      cpuMicros: Number(((cpuMicros - before) / requests).toFixed(1)),
    };
    say(
      `${arm}: after ${result.requests} requests heap ${result.heapMegabytes} MB, resident ${result.residentMegabytes} MB, ${result.cpuMicros} µs each`,
    );
    measured.push(result);
  }
  return measured;
}
