import type { Redis } from 'ioredis';
import type { RedisConfig } from './redis-config.ts';
import { RedisNodes } from './redis-nodes.ts';

/** A primary that answers at all does so in a fraction of this; asking replicas for nothing costs little. */
const PATIENCE_MS = 100;

export interface DegradedReadsOptions {
  redis: RedisConfig;
  name: string;
  /** Replicas that confirm each login and logout, as the writers have it. */
  waitReplicas: number;
  /** How long into an outage the replicas are asked. */
  limitMs: number;
  onError: (error: Error) => void;
}

/**
 * Answers validations while the primary can't: by so many nodes that one of them knows of every confirmed logout. Only
 * "this session is alive" is taken from them, never that one is not: a replica may not know a login yet.
 */
export class DegradedReads {
  readonly #options: DegradedReadsOptions;
  readonly #nodes: RedisNodes;
  #failingSinceMs: number | undefined;

  constructor(options: DegradedReadsOptions) {
    this.#options = options;
    this.#nodes = new RedisNodes(options.redis, options.name, options.onError);
  }

  connect(): void {
    this.#nodes.connect();
  }

  close(): void {
    this.#nodes.close();
  }

  /**
   * The primary's answer, or the nodes' when the primary has not answered after a moment; at once when it did not answer
   * the last time either. Fails as the primary does.
   */
  async read(
    primary: Promise<unknown[]>,
    primaryReady: boolean,
    ask: (node: Redis) => Promise<unknown[]>,
  ): Promise<unknown[]> {
    const waitMs = primaryReady && this.#failingSinceMs === undefined ? PATIENCE_MS : 0;
    const agreed = Promise.withResolvers<unknown[]>();
    let isOver = false;
    const timer = setTimeout(() => this.#agree(ask, () => isOver).then(agreed.resolve, agreed.reject), waitMs);
    primary.then(
      () => {
        this.#failingSinceMs = undefined;
        clearTimeout(timer);
      },
      () => {
        this.#failingSinceMs ??= performance.now();
        isOver = true;
      },
    );
    try {
      return await Promise.any([primary, agreed.promise]);
    } catch {
      return await primary;
    } finally {
      isOver = true;
    }
  }

  async #agree(ask: (node: Redis) => Promise<unknown[]>, isOver: () => boolean): Promise<unknown[]> {
    const { waitReplicas, limitMs } = this.#options;
    this.#failingSinceMs ??= performance.now();
    if (performance.now() - this.#failingSinceMs > limitMs) throw new Error('the outage has lasted too long');
    const replies = await this.#nodes.agree(1 + waitReplicas, ask, ([outcome]) => outcome === 'active', isOver);
    const [latest] = (replies ?? []).sort((a, b) => lastSeenMs(b) - lastSeenMs(a));
    if (latest === undefined) throw new Error('not enough nodes say that it is alive');
    return latest;
  }
}

/** Of a reply of `validate`: {'active', public part, created, last seen, …}. */
const lastSeenMs = (reply: unknown[]) => Number(reply[3]);
