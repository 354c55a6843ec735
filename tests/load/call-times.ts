import type { Redis } from 'ioredis';

export interface CallTimes {
  calls: number;
  /** By commandstats, of a call on average. */
  micros: number;
  /** By SLOWLOG. */
  longestMicros: number;
}

/** SLOWLOG also keeps the commands inside of a function. To log each of them would take longer than the commands. */
const LOGGED_MICROS = 500;

/** How long the calls of functions that are made meanwhile keep Redis busy. Nobody else may ask it anything. */
export async function timeCalls(admin: Redis, run: () => Promise<void>): Promise<CallTimes> {
  await admin.config('SET', 'slowlog-max-len', '10000');
  await admin.config('SET', 'slowlog-log-slower-than', String(LOGGED_MICROS));
  await admin.slowlog('RESET');
  const before = await readCalls(admin);
  await run();
  const after = await readCalls(admin);
  const entries = (await admin.slowlog('GET', 10_000)) as [id: number, at: number, micros: number, args: string[]][];
  const longest = entries.filter(([, , , [command = '']]) => /^fcall/i.test(command)).map(([, , micros]) => micros);
  const calls = after.calls - before.calls;
  const micros = (after.micros - before.micros) / Math.max(1, calls);
  // Where none was logged, none took longer.
  return { calls, micros, longestMicros: Math.max(LOGGED_MICROS, ...longest) };
}

async function readCalls(admin: Redis): Promise<{ calls: number; micros: number }> {
  const stats = await admin.info('commandstats');
  const sum = { calls: 0, micros: 0 };
  for (const [, calls, micros] of stats.matchAll(/^cmdstat_fcall(?:_ro)?:calls=(\d+),usec=(\d+)/gm)) {
    sum.calls += Number(calls);
    sum.micros += Number(micros);
  }
  return sum;
}
