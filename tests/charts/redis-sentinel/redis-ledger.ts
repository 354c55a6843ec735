/**
 * Runs in a pod of the cluster, as a client would: writes as the user `auth` with WAIT 1 through ioredis and the Sentinels,
 * as fast as answers come, until its standard input ends. Then it looks for every write that was confirmed, and prints
 * what it found as one line of JSON. Every write is a function call, as sessions' are: Redis persists those as transactions.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';

export interface LedgerReport {
  confirmed: number;
  lost: string[];
  writeGapMs: number;
  readGapMs: number;
  /** From the last confirmed write to the end. */
  endGapMs: number;
  /** Message and number of all operations that failed. */
  failures: Record<string, number>;
  /** New connections made meanwhile, with the password as it was then. */
  logins: number;
  failedLogins: Record<string, number>;
  primaries: string[];
}

const env = (name: string): string => process.env[name] ?? '';
const backoff = (attempt: number) => Math.min(25 * attempt, 200);
const tls =
  env('TLS') === 'true' ? { ca: readFileSync(env('CA_FILE')), servername: env('TLS_SERVER_NAME') } : undefined;
const options = (): Omit<RedisOptions, 'replyMapping'> => ({
  sentinels: env('SENTINELS')
    .split(',')
    .map((endpoint) => ({ host: endpoint.split(':')[0] ?? '', port: Number(endpoint.split(':')[1]) })),
  name: env('MASTER_NAME'),
  role: 'master',
  failoverDetector: true,
  username: 'auth',
  password: readFileSync(env('PASSWORD_FILE'), 'utf8'),
  ...(tls === undefined ? {} : { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  lazyConnect: true,
  disableClientInfo: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 700,
  connectTimeout: 500,
  socketTimeout: 1700,
  disconnectTimeout: 50,
  sentinelCommandTimeout: 500,
  retryStrategy: backoff,
  sentinelRetryStrategy: backoff,
  sentinelReconnectStrategy: () => 1000,
});

const library = `#!lua name=chart_test
redis.register_function('chart_test_put', function(keys, args)
  redis.call('HSET', keys[1], 'v', args[1])
  redis.call('HSET', keys[2], 'v', args[1])
  return 'OK'
end)`;

const run = process.pid.toString(36) + Date.now().toString(36);
const key = (kind: string, number: number) => `hf:${kind}:${run}:${number}`;
const count = (into: Record<string, number>, error: unknown) => {
  const message = String((error as Error).message).replaceAll(/\d+\.\d+\.\d+\.\d+\S*/g, '<address>');
  into[message] = (into[message] ?? 0) + 1;
};

const failures: Record<string, number> = {};
const failedLogins: Record<string, number> = {};
const primaries: string[] = [];
const confirmed: number[] = [];
const reads: number[] = [];
const writes: number[] = [];
let logins = 0;
let stopped = false;
// ioredis rejects a question of its own where nobody waits for the answer: a failure like the others.
process.on('unhandledRejection', (error) => count(failures, error));
process.stdin.on('end', () => (stopped = true)).resume();

const redis = new Redis(options());
redis.on('error', () => undefined);
// ioredis gives up where a failover comes in the middle of a new connection; a client that must go on connects again.
redis.on('end', () => setTimeout(() => redis.connect().catch(() => undefined), 100));
redis.on('ready', () => primaries.push(redis.stream.remoteAddress ?? ''));
for (;;) {
  try {
    if (redis.status === 'wait') await redis.connect();
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', library);
    break;
  } catch {
    await delay(100);
  }
}
console.log('ready');

const loggingIn = (async () => {
  while (!stopped) {
    const one = new Redis({ ...options(), failoverDetector: false, retryStrategy: () => null });
    one.on('error', () => undefined);
    try {
      await one.connect();
      await one.ping();
      logins++;
    } catch (error) {
      count(failedLogins, error);
    }
    one.disconnect();
    await delay(250);
  }
})();

const reading = (async () => {
  while (!stopped) {
    try {
      await redis.hget(key('s', 0), 'v');
      reads.push(performance.now());
    } catch (error) {
      count(failures, error);
    }
    await delay(10);
  }
})();

for (let number = 0; !stopped; number++) {
  const done = await Promise.allSettled([
    redis.fcall('chart_test_put', 2, key('s', number), key('t', number), String(number)),
    redis.wait(1, 500),
  ]);
  const failed = done.find((one) => one.status === 'rejected');
  if (failed !== undefined) count(failures, failed.reason);
  else if (done[1].status === 'fulfilled' && Number(done[1].value) < 1) count(failures, new Error('not replicated'));
  else {
    confirmed.push(number);
    writes.push(performance.now());
  }
  await delay(5);
}
const end = performance.now();
await Promise.all([reading, loggingIn]);

const lost = await findLost();
redis.removeAllListeners('end').disconnect();
const report: LedgerReport = {
  confirmed: confirmed.length,
  lost,
  writeGapMs: longestGap(writes),
  readGapMs: longestGap(reads),
  endGapMs: Math.round(end - (writes.at(-1) ?? 0)),
  failures,
  logins,
  failedLogins,
  primaries,
};
console.log(JSON.stringify(report));

async function findLost(): Promise<string[]> {
  for (let attempt = 0; ; attempt++) {
    try {
      const missing: string[] = [];
      for (const number of confirmed) {
        const both = await Promise.all(['s', 't'].map((kind) => redis.hget(key(kind, number), 'v')));
        if (both.some((value) => value !== String(number))) missing.push(key('s', number));
      }
      return missing;
    } catch (error) {
      if (attempt > 100) throw error;
      await delay(200);
    }
  }
}

function longestGap(moments: readonly number[]): number {
  return Math.round(Math.max(0, ...moments.slice(1).map((moment, index) => moment - (moments[index] ?? moment))));
}
