import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type Redis } from 'ioredis';
import type { RedisConfig, RedisEndpoint, SentinelTarget } from './redis-client.ts';
import { createSentinelClient } from './sentinel-client.ts';

/** What a client does at a connection that comes up: report what is wrong without ending anything. */
type Emit = (event: string, error: Error) => void;

/** After a failover it takes the other Sentinels a moment to know, and a client that asks one of those is sent back. */
const NEWS_MS = 30_000;
/** For a Sentinel to be there. */
const ASK_MS = 500;
const PAUSE_MS = 100;

/**
 * Finds the primary for a connection: where news of a failover said it is, else where most Sentinels say, who are asked all
 * at once. ioredis' own asks one Sentinel after the other, so that one which is gone with the old primary's node holds up
 * every client, and finishes what it has begun: a connection to a host that is gone.
 */
export class PrimaryConnector extends AbstractConnector {
  readonly #config: RedisConfig;
  readonly #target: SentinelTarget;
  #news: { endpoint: RedisEndpoint; untilMs: number } | undefined;
  #endpoint: RedisEndpoint | undefined;
  #sentinels: Redis[] | undefined;
  #wake = () => {};

  constructor(config: RedisConfig, target: SentinelTarget, disconnectTimeoutMs: number) {
    super(disconnectTimeoutMs);
    this.#config = config;
    this.#target = target;
  }

  override async connect(emit: Emit): Promise<Socket> {
    this.connecting = true;
    this.#endpoint = undefined;
    const endpoint = await this.#locate(emit);
    if (!this.connecting) throw new Error('Connection is closed.');
    this.#endpoint = endpoint;
    const tls = this.#config.tls?.();
    const stream = tls ? connectTls({ ...endpoint, ...tls }) : createConnection(endpoint);
    this.stream = stream;
    stream.once('error', (error) => {
      this.firstError = error;
    });
    let reached = false;
    stream.once('connect', () => {
      reached = true;
      this.#closeSentinels();
    });
    // The new primary may be gone as well, and the next message lost: the Sentinels are asked.
    stream.once('close', () => {
      if (!reached && this.#news?.endpoint === endpoint) this.#news = undefined;
    });
    return stream;
  }

  override disconnect(): void {
    super.disconnect();
    this.#closeSentinels();
    this.#wake();
  }

  /** Where the latest failover went, for as long as the Sentinels may not all know it. */
  get news(): RedisEndpoint | undefined {
    return this.#news && performance.now() < this.#news.untilMs ? this.#news.endpoint : undefined;
  }

  /** Whether who answers at that address is a primary, by its INFO; where it is not, the news of it was wrong. */
  override check(info: { role?: string }): boolean {
    const fits = info.role === undefined || info.role === 'master';
    if (!fits) this.#news = undefined;
    return fits;
  }

  /**
   * News of a failover: where the next connection goes.
   *
   * @param isUp whether there is a connection, which is its client's to leave; one that was only begun with another address is given up
   */
  tell(endpoint: RedisEndpoint, isUp: boolean): void {
    this.#news = { endpoint, untilMs: performance.now() + NEWS_MS };
    this.#wake();
    if (!isUp && this.#endpoint !== undefined && !isSame(this.#endpoint, endpoint)) this.stream.destroy();
  }

  async #locate(emit: Emit): Promise<RedisEndpoint> {
    for (;;) {
      const told = new Promise<undefined>((resolve) => {
        this.#wake = () => resolve(undefined);
      });
      if (this.news) return this.news;
      const found = await Promise.race([told, this.#askSentinels().catch((error: Error) => error)]);
      if (!this.connecting) throw new Error('Connection is closed.');
      if (found instanceof Error) {
        emit('error', found);
        await Promise.race([told, delay(PAUSE_MS)]);
      } else if (found !== undefined) {
        return found;
      }
    }
  }

  /** What most of them say; where so many don't answer, what most of the others say. */
  async #askSentinels(): Promise<RedisEndpoint> {
    const { sentinels, masterName } = this.#target;
    const votes = new Map<string, { endpoint: RedisEndpoint; count: number }>();
    const agreed = Promise.withResolvers<RedisEndpoint>();
    const asked = this.#openSentinels().map(async (sentinel) => {
      const endpoint = await this.#ask(sentinel, masterName);
      const vote = votes.get(`${endpoint.host} ${endpoint.port}`) ?? { endpoint, count: 0 };
      votes.set(`${endpoint.host} ${endpoint.port}`, vote);
      vote.count += 1;
      if (vote.count > sentinels.length / 2) agreed.resolve(endpoint);
    });
    const all = Promise.allSettled(asked).then((results) => {
      const [most] = [...votes.values()].sort((a, b) => b.count - a.count);
      if (most) return most.endpoint;
      const [reason] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
      throw new Error(`no Sentinel of ${sentinels.length} names a primary for ${masterName}`, { cause: reason });
    });
    return Promise.race([agreed.promise, all]);
  }

  async #ask(sentinel: Redis, masterName: string): Promise<RedisEndpoint> {
    const { host, port } = sentinel.options;
    if (sentinel.status !== 'ready') await Promise.race([once(sentinel, 'ready'), delay(ASK_MS)]);
    const address = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as string[] | null;
    if (address === null) throw new Error(`the Sentinel at ${host}:${port} knows no primary named ${masterName}`);
    return { host: String(address[0]), port: Number(address[1]) };
  }

  /** They are kept while the primary is looked for: an outage must not cost them a connection a try. */
  #openSentinels(): Redis[] {
    this.#sentinels ??= this.#target.sentinels.map((endpoint) => {
      const sentinel = createSentinelClient(endpoint, 'holdfast-locate', this.#config);
      // What it is comes with the answer that is missing.
      return sentinel.on('error', () => {});
    });
    return this.#sentinels;
  }

  #closeSentinels(): void {
    for (const sentinel of this.#sentinels ?? []) sentinel.disconnect();
    this.#sentinels = undefined;
  }
}

const isSame = (one: RedisEndpoint, other: RedisEndpoint) => one.host === other.host && one.port === other.port;
