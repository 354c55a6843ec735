import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type Redis } from 'ioredis';
import { askSentinels, type NamedPrimary } from './ask-sentinels.ts';
import type { RedisConfig, RedisEndpoint, SentinelTarget } from './redis-client.ts';
import { createSentinelClient } from './sentinel-client.ts';

/** What a client does at a connection that comes up: report what is wrong without ending anything. */
type Emit = (event: string, error: Error) => void;

/** After a failover it takes the other Sentinels a moment to know, and a client that asks one of those is sent back. */
const NEWS_MS = 30_000;
const PAUSE_MS = 100;

/** What INFO says of a Redis; the number of replicas is there only where a primary without any takes no writes. */
export interface ReplicationInfo {
  role?: string;
  min_slaves_good_slaves?: string | undefined;
}

/**
 * Whether a primary may have a successor that it does not know of: none of its replicas is with it any more, in the time
 * after which it takes no writes (`min-replicas-max-lag`). It would answer with old data.
 */
export const mayBeReplaced = ({ min_slaves_good_slaves: good }: ReplicationInfo) => good === '0';

/**
 * Finds the primary for a connection: where news of a failover said it is, else where the Sentinels say, who are asked all
 * at once. One that may have a successor is taken only where most of them name it. ioredis' own asks one Sentinel after the
 * other, so that one which is gone with the old primary's node holds up every client, and finishes what it has begun: a
 * connection to a host that is gone.
 */
export class PrimaryConnector extends AbstractConnector {
  readonly #config: RedisConfig;
  readonly #target: SentinelTarget;
  #news: { endpoint: RedisEndpoint; untilMs: number } | undefined;
  #endpoint: NamedPrimary | undefined;
  #emit: Emit = () => {};
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
    this.#emit = emit;
    const endpoint = await this.#locate();
    if (!this.connecting) throw new Error('Connection is closed.');
    this.#endpoint = endpoint;
    const tls = this.#config.tls?.();
    const { host, port } = endpoint;
    const stream = tls ? connectTls({ host, port, ...tls }) : createConnection({ host, port });
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
      if (!reached && this.#news && isSame(this.#news.endpoint, endpoint)) this.#news = undefined;
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

  /** Where the connection goes, or is. */
  get endpoint(): RedisEndpoint | undefined {
    return this.#endpoint;
  }

  /**
   * Whether who answers at that address is the primary, by its INFO. Where it is none the news of it was wrong; where it may
   * have been replaced the Sentinels must be certain.
   */
  override check(info: ReplicationInfo): boolean {
    const isPrimary = info.role === undefined || info.role === 'master';
    if (!isPrimary) this.#news = undefined;
    if (!isPrimary || this.#endpoint?.certain || !mayBeReplaced(info)) return isPrimary;
    if (this.#endpoint) this.#emit('error', toUncertain(this.#endpoint));
    return false;
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

  /** The news may be out of date as well. */
  doubt(): void {
    this.#news = undefined;
  }

  async #locate(): Promise<NamedPrimary> {
    for (;;) {
      const told = new Promise<undefined>((resolve) => {
        this.#wake = () => resolve(undefined);
      });
      // A primary that was just promoted has no replicas yet; the follower looks at it again at once.
      if (this.news) return { ...this.news, certain: true };
      const asked = askSentinels(this.#openSentinels(), this.#target.masterName);
      const found = await Promise.race([told, asked.catch((error: Error) => error)]);
      if (!this.connecting) throw new Error('Connection is closed.');
      if (found instanceof Error) {
        this.#emit('error', found);
        await Promise.race([told, delay(PAUSE_MS)]);
      } else if (found !== undefined) {
        return found;
      }
    }
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

/** Nobody may be told what it has: a session that it does not know, or still knows, may be another by now. */
export const toUncertain = ({ host, port }: RedisEndpoint) =>
  new Error(
    `no replica follows the primary at ${host}:${port}, and too few Sentinels answer: it may be cut off, and replaced. It is not asked any more until most Sentinels name it`,
  );

export const isSame = (one: RedisEndpoint, other: RedisEndpoint) => one.host === other.host && one.port === other.port;
