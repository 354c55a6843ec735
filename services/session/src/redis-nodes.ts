import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { createRedisClient } from './redis-client.ts';
import type { RedisConfig } from './redis-config.ts';
import { createSentinelClient, fieldOf } from './sentinel-client.ts';

const REFRESH_MS = 5000;
const PAUSE_MS = 20;

/**
 * A connection to every Redis that the Sentinels know, primary and replicas alike, for reads that must not depend on the
 * primary.
 */
export class RedisNodes {
  readonly #config: RedisConfig;
  readonly #name: string;
  readonly #onError: (error: Error) => void;
  readonly #sentinels: Redis[] = [];
  #nodes = new Map<string, Redis>();
  #timer: NodeJS.Timeout | undefined;

  constructor(config: RedisConfig, name: string, onError: (error: Error) => void) {
    this.#config = config;
    this.#name = name;
    this.#onError = onError;
  }

  connect(): void {
    const { target } = this.#config;
    if (target.kind === 'single' || this.#timer) return;
    for (const endpoint of target.sentinels) {
      const sentinel = createSentinelClient(endpoint, this.#name, this.#config);
      sentinel.on('error', this.#onError);
      sentinel.on('ready', () => void this.#refresh());
      this.#sentinels.push(sentinel);
    }
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref();
  }

  /**
   * Asks every node at once, until so many have given the answer looked for that any write that `writtenTo` nodes have
   * confirmed is known to one of them: `nodes - writtenTo + 1`, the rule of overlapping quorums. A node whose answer was lost
   * is asked again: Sentinel closes the connections of a replica that it promotes.
   *
   * @param isOver whether nobody waits any longer for what was lost
   * @returns those answers, or undefined when not enough of them can come
   */
  async agree<T>(
    writtenTo: number,
    ask: (node: Redis) => Promise<T>,
    isAgreement: (answer: T) => boolean,
    isOver: () => boolean,
  ): Promise<T[] | undefined> {
    const needed = this.#nodes.size - writtenTo + 1;
    let pending = this.#nodes.size;
    if (pending <= writtenTo) return undefined;
    const agreed: T[] = [];
    return new Promise((resolve) => {
      const settle = (answer?: T) => {
        pending -= 1;
        if (answer !== undefined && isAgreement(answer)) agreed.push(answer);
        if (agreed.length >= needed) resolve(agreed);
        else if (agreed.length + pending < needed) resolve(undefined);
      };
      for (const node of this.#nodes.values()) void this.#askUntil(node, ask, isOver).then(settle);
    });
  }

  /** At least once, if it is there. */
  async #askUntil<T>(node: Redis, ask: (node: Redis) => Promise<T>, isOver: () => boolean): Promise<T | undefined> {
    for (;;) {
      if (node.status === 'ready') {
        try {
          return await ask(node);
        } catch {
          // Lost on the way, or the node is loading; the caller says for how long it matters.
        }
      }
      if (isOver()) return undefined;
      await delay(PAUSE_MS);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const redis of [...this.#sentinels, ...this.#nodes.values()]) redis.disconnect();
  }

  /** What a majority of the Sentinels knows together: one that was just born may know the primary only. */
  async #refresh(): Promise<void> {
    const asked = await Promise.allSettled(this.#sentinels.map((sentinel) => this.#askSentinel(sentinel)));
    const answers = asked.filter((answer) => answer.status === 'fulfilled');
    if (answers.length <= this.#sentinels.length / 2) return;
    const known = new Set(answers.flatMap(({ value }) => value));
    for (const [address, node] of this.#nodes) {
      if (known.has(address)) continue;
      this.#nodes.delete(address);
      node.disconnect();
    }
    for (const address of known) if (!this.#nodes.has(address)) this.#nodes.set(address, this.#connectTo(address));
  }

  async #askSentinel(sentinel: Redis): Promise<string[]> {
    const { target } = this.#config;
    const name = target.kind === 'sentinel' ? target.masterName : '';
    const [primary, replicas] = (await Promise.all([
      sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
      sentinel.call('SENTINEL', 'REPLICAS', name),
    ])) as [string[] | null, string[][]];
    if (primary === null) throw new Error(`Sentinel knows no primary named ${name}`);
    return [primary, ...replicas.map(toAddress)].map((address) => address.join(' '));
  }

  #connectTo(address: string): Redis {
    const [host, port] = address.split(' ') as [string, string];
    const target = { kind: 'single', host, port: Number(port) } as const;
    const node = createRedisClient({ ...this.#config, target }, this.#name);
    node.on('error', this.#onError);
    node.connect().catch(() => {});
    return node;
  }
}

const toAddress = (fields: string[]) => [fieldOf(fields, 'ip'), fieldOf(fields, 'port')];
