import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { OTHER_CORE, pin } from './pin.ts';

export interface DelayedRedis extends AsyncDisposable {
  port: number;
}

/** A way to Redis whose round trip takes longer, as from another zone. */
export async function startDelayedRedis(redis: { host: string; port: number }, delayMs: number): Promise<DelayedRedis> {
  const proxy = fork(join(import.meta.dirname, 'delay-proxy.ts'), [redis.host, String(redis.port), String(delayMs)]);
  const ended = once(proxy, 'exit');
  const [port] = (await Promise.race([
    once(proxy, 'message'),
    ended.then(() => Promise.reject(new Error('the delay proxy ended'))),
  ])) as [number];
  pin(proxy.pid as number, OTHER_CORE);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      if (proxy.exitCode === null) proxy.disconnect();
      await ended;
    },
  };
}
