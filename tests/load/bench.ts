import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ArmProcess } from './arm-process.ts';
import { startDelayedRedis } from './delayed-redis.ts';
import type { LoadGenerator } from './load-generator.ts';
import type { LoadOrder } from './load-order.ts';
import { SERVICE_CORE } from './pin.ts';
import { type ArmPlan, arms, type LoadPlan, type Seeds } from './plan.ts';
import { readRedisCounters, subtract } from './redis-counters.ts';
import type { RedisPair } from './redis-pair.ts';
import { type Cost, type LoadResults, type Sample, summarize } from './results.ts';

/** Requests whose cost in Redis is counted, one at a time. */
const COUNTED = 500;
const SETTLE_MS = 300;
/** As long as a sample takes with the pass over all sessions before it, at most. */
const SAMPLE_MS = 15_000;

export interface BenchOptions {
  redis: RedisPair;
  generator: LoadGenerator;
  secret: string;
  /** For the files of tokens. */
  folder: string;
  sessions: number;
  rounds: number;
  say(text: string): void;
}

/** Arms, their sessions, and measurements of them. */
export class Bench {
  readonly #options: BenchOptions;
  readonly #generator: LoadGenerator;
  readonly #seeds = new Map<string, Seeds>();
  /** When what an arm keeps begins to be read anew, and when all of it is, by the monotonic clock. */
  readonly #forgets = new Map<string, { fromMs: number; untilMs: number }>();
  readonly #admin;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#generator = options.generator;
    this.#admin = options.redis.primary.admin();
  }

  /**
   * Creates each arm's sessions.
   * @returns the bytes of Redis memory that one takes
   */
  async seed(names: ReadonlySet<string>): Promise<Record<string, number>> {
    const { folder, sessions, say } = this.#options;
    const bytes: Record<string, number> = {};
    for (const plan of arms) {
      // The arms of Holdfast share their sessions.
      if (!names.has(plan.name) || plan.keeps !== 'sessions') continue;
      const shared =
        plan.name.startsWith('holdfast-') && names.has('holdfast') ? this.#seeds.get('holdfast') : undefined;
      if (shared) {
        this.#seeds.set(plan.name, shared);
        continue;
      }
      await using arm = await this.#start(plan.name);
      const file = join(folder, `${plan.name}.sessions`);
      const devices = join(folder, `${plan.name}.devices`);
      const before = await readRedisCounters(this.#admin);
      const startedAt = performance.now();
      await arm.call('seed', 0, sessions, 1, file);
      const { memoryBytes } = subtract(await readRedisCounters(this.#admin), before);
      bytes[plan.name] = Math.round(memoryBytes / sessions);
      say(
        `${plan.title}: ${sessions} sessions in ${Math.round((performance.now() - startedAt) / 1000)} s, ${bytes[plan.name]} bytes each`,
      );
      if (plan.can.includes('list')) await arm.call('seed', 10_000_000, 2000, 20, devices);
      const [name = '', value = ''] = ((await readFile(file, 'utf8')).split('\n', 1)[0] ?? '').split(': ');
      this.#seeds.set(plan.name, { sessions: file, devices, one: { [name]: value } });
    }
    return bytes;
  }

  /** Where the sessions of an arm are, once they are made. */
  sessionsOf(arm: string): string {
    return this.#seeds.get(arm)?.sessions ?? '';
  }

  /** One load on each of its arms, one after the other, round by round. */
  async measure(load: LoadPlan): Promise<LoadResults> {
    const { rounds, folder, sessions, say } = this.#options;
    await using stack = new AsyncDisposableStack();
    const { host, port } = this.#options.redis.primary;
    const redis =
      load.delayMs === undefined ? { port } : stack.use(await startDelayedRedis({ host, port }, load.delayMs));
    const running = [];
    for (const plan of arms.filter(({ name }) => load.arms.includes(name))) {
      const replicas: ArmProcess[] = [];
      for (let replica = 0; replica < (load.replicas ?? 1); replica++) {
        replicas.push(stack.use(await this.#start(plan.name, redis.port, load.replicas !== undefined)));
      }
      // What knows no sessions is sent the same requests as the first arm that does, that is Holdfast's.
      let seeds = plan.keeps === 'nothing' ? this.#seeds.values().next().value : this.#seeds.get(plan.name);
      if (plan.keeps === 'tokens') {
        // A JWT is good for the key of the process that signed it.
        const file = join(folder, `${plan.name}.sessions`);
        await replicas[0]?.call('seed', 0, Math.min(sessions, 20_000), 1, file);
        const [name = '', value = ''] = ((await readFile(file, 'utf8')).split('\n', 1)[0] ?? '').split(': ');
        seeds = { sessions: file, devices: file, one: { [name]: value } };
      }
      running.push({ plan, replicas, seeds, samples: [] as Sample[] });
    }
    // The first round warms up and is not counted.
    for (let round = -1; round < rounds; round++) {
      for (const { plan, replicas, seeds, samples } of running) {
        const order = {
          ...toOrder(load, replicas, seeds),
          offset: (round + 1) * 313,
          durationMs: load.durationMs,
          settleMs: SETTLE_MS,
        };
        const sample = await this.#sample(plan, load, replicas, order);
        if (round < 0) continue;
        samples.push(sample);
        say(
          `${load.name} ${round + 1}/${rounds} ${plan.name}: ${Math.round(sample.requestsPerSecond)}/s, p50 ${sample.p50Ms.toFixed(2)} ms, p99 ${sample.p99Ms.toFixed(2)} ms, ${sample.cpuMicros.toFixed(0)} µs`,
        );
      }
    }
    const costs: Cost[] = [];
    for (const { plan, replicas, seeds } of running) {
      if (load.replicas === undefined && load.delayMs === undefined && plan.keeps === 'sessions') {
        costs.push(await this.#count(plan.name, toOrder(load, replicas, seeds)));
      }
    }
    const rows = running.map(({ plan, samples }) => summarize(plan.name, samples));
    const { name, title, connections } = load;
    return { load: name, title, connections, measuredAt: new Date().toISOString(), rows, costs };
  }

  #start(name: string, redisPort = this.#options.redis.primary.port, anywhere = false): Promise<ArmProcess> {
    const { redis, secret } = this.#options;
    const settings = { ...redis.settings, redis: { ...redis.settings.redis, port: redisPort }, secret };
    return ArmProcess.start(name, settings, anywhere ? undefined : SERVICE_CORE);
  }

  async #sample(plan: ArmPlan, load: LoadPlan, replicas: ArmProcess[], order: LoadOrder): Promise<Sample> {
    const cpu = async () => {
      const usages = await Promise.all(replicas.map((replica) => replica.call('usage')));
      return usages.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0);
    };
    if (plan.remembers && load.name === 'hot') await this.#warmUp(plan, order);
    const [redisBefore, cpuBefore] = [await readRedisCounters(this.#admin), await cpu()];
    const result = await this.#generator.run(order);
    const [cpuAfter, redisAfter] = [await cpu(), await readRedisCounters(this.#admin)];
    const wrong = Object.entries(result.statuses).filter(
      ([status]) => Number(status) !== load.status && !(order.load.kind === 'login-then' && status === '201'),
    );
    if (wrong.length > 0 || result.failed > 0) {
      throw new Error(`${load.name}, ${plan.name}: ${JSON.stringify(result.statuses)}, ${result.failed} failed`);
    }
    return {
      requestsPerSecond: result.requestsPerSecond,
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      cpuMicros: (cpuAfter - cpuBefore) / result.requests,
      redisCpuMicros: subtract(redisAfter, redisBefore).cpuMicros / result.requests,
    };
  }

  /** Asks for every session once; what is kept in the process then lasts through the sample. */
  async #warmUp({ name, forgetsAfterMs }: ArmPlan, order: LoadOrder): Promise<void> {
    const { fromMs, untilMs } = this.#forgets.get(name) ?? { fromMs: 0, untilMs: 0 };
    const now = performance.now();
    const lasts = now + SAMPLE_MS < fromMs;
    if (!lasts && now < untilMs) await wait(Math.ceil(untilMs - now));
    const startedMs = performance.now();
    await this.#generator.run({ ...order, offset: 0, amount: this.#options.sessions });
    if (lasts || forgetsAfterMs === undefined) return;
    this.#forgets.set(name, { fromMs: startedMs + forgetsAfterMs, untilMs: performance.now() + forgetsAfterMs });
  }

  /** Twice the same sessions: the first pass does what is due once a minute, the second shows what every request costs. */
  async #count(arm: string, order: LoadOrder): Promise<Cost> {
    const pass = {
      ...order,
      connections: 1,
      amount: COUNTED,
      ...(order.load.kind === 'each' ? { load: { ...order.load, limit: COUNTED } } : {}),
    };
    const start = await readRedisCounters(this.#admin);
    await this.#generator.run(pass);
    const before = await readRedisCounters(this.#admin);
    await this.#generator.run(pass);
    const after = await readRedisCounters(this.#admin);
    const { commands, reads, replicationBytes } = subtract(after, before);
    const per = (value: number) => Math.round((value / COUNTED) * 10) / 10;
    return {
      arm,
      requests: COUNTED,
      // Less the questions of this very measurement, one read each, and what replicas say meanwhile.
      roundTrips: per(reads),
      commands: per(commands),
      writes: per(subtract(after, start).writes),
      replicationBytes: per(replicationBytes),
    };
  }
}

function toOrder(load: LoadPlan, replicas: readonly ArmProcess[], seeds: Seeds | undefined): LoadOrder {
  return { ports: replicas.map(({ port }) => port), connections: load.connections, load: load.order(seeds) };
}
