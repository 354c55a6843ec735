import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type Redis } from 'ioredis';
import { askSentinels, type NamedPrimary } from './ask-sentinels.ts';
import type { RedisConfig, RedisEndpoint, SentinelTarget } from './redis-config.ts';
import { hasTakenMoreThan, isFollowed, type ReplicationInfo, writtenOffsetOf } from './replication-info.ts';
import { createSentinelClient } from './sentinel-client.ts';

/** What a client does at a connection that comes up: report what is wrong without ending anything. */
type Emit = (event: string, error: Error) => void;

/**
 * After a failover it takes the other Sentinels a moment to know: so long one that names an earlier primary is not believed.
 * Not for ever, since Sentinels that were all made anew count their failovers from 0.
 */
const REMEMBERED_MS = 30_000;
/** For so long nobody asks again for what most Sentinels have just said. It is less than a failover takes. */
const FRESH_MS = 1000;
/** Within so long a replica must confirm something new. A replica confirms every second, and no failover is done in less. */
const PROOF_MS = 4000;
const PAUSE_MS = 100;

/**
 * Finds the primary for a connection: where most Sentinels have just said it is, else where they say now, who are asked all
 * at once. Where fewer of them answer, the primary itself must prove that it is followed; one that was doubted must be named
 * by most. ioredis' own asks one Sentinel after the other, so that one which is gone with the old primary's node holds up
 * every client, and finishes what it has begun: a connection to a host that is gone.
 */
export class PrimaryConnector extends AbstractConnector {
  readonly #config: RedisConfig;
  readonly #target: SentinelTarget;
  /** The latest failover that we know of, and when we were told. */
  #latest: { named: NamedPrimary; atMs: number; fresh: boolean } | undefined;
  #endpoint: NamedPrimary | undefined;
  #doubted = false;
  /** What a primary that few Sentinels name had written when it was looked at. */
  #before: { endpoint: RedisEndpoint; offset: number; atMs: number } | undefined;
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
      if (!reached) this.#ask();
    });
    return stream;
  }

  override disconnect(): void {
    super.disconnect();
    this.#closeSentinels();
    this.#wake();
  }

  /**
   * Where the connection goes, or is; another object for each connection, and for one that outlives a failover which made its
   * primary the primary anew.
   */
  get endpoint(): NamedPrimary | undefined {
    return this.#endpoint;
  }

  /** Whether the latest failover that is known went elsewhere. */
  get isReplaced(): boolean {
    const [at, latest] = [this.#endpoint, this.#remembered()];
    return at !== undefined && latest !== undefined && !isSame(at, latest);
  }

  /** Whether who answers at that address is a primary that may be asked, by its INFO. */
  override check(info: ReplicationInfo): boolean {
    const [endpoint, role] = [this.#endpoint, info['role']];
    if (role !== undefined && role !== 'master') {
      this.#ask();
      return false;
    }
    if (endpoint && !endpoint.certain && !this.#isProven(endpoint, info)) {
      this.#emit('error', toUnproven(endpoint));
      return false;
    }
    this.#doubted = false;
    this.#before = undefined;
    return true;
  }

  /**
   * Who the primary is by a look at the Sentinels. Fewer than most of them are believed about a later failover only.
   *
   * @param isUp whether there is a connection, which is its client's to leave; one that was only begun with another address is given up
   */
  tell(named: NamedPrimary, isUp: boolean): void {
    const [at, remembered] = [this.#endpoint, this.#remembered()];
    if (remembered && named.epoch < remembered.epoch) return;
    const known = remembered ?? at;
    if (!named.certain && !(known && named.epoch > known.epoch)) return;
    this.#latest = { named, atMs: performance.now(), fresh: named.certain };
    if (at === undefined) this.#wake();
    else if (!isSame(at, named)) {
      if (!isUp) this.stream.destroy();
    } else if (at.epoch !== named.epoch) {
      this.#endpoint = { ...named };
    }
  }

  /** The primary may have a successor: most Sentinels have to name it again before it is asked. */
  doubt(): void {
    this.#doubted = true;
    this.#ask();
  }

  /** The next connection begins with a question to the Sentinels. */
  #ask(): void {
    if (this.#latest) this.#latest.fresh = false;
  }

  #remembered(): NamedPrimary | undefined {
    const latest = this.#latest;
    return latest && performance.now() < latest.atMs + REMEMBERED_MS ? latest.named : undefined;
  }

  /** It is followed by a replica now, and not by what a network that was mended delivers of an earlier time. */
  #isProven(endpoint: RedisEndpoint, info: ReplicationInfo): boolean {
    if (this.#doubted) return false;
    const before = this.#before;
    const isKnown = before && isSame(before.endpoint, endpoint) && performance.now() < before.atMs + PROOF_MS;
    if (isKnown && isFollowed(info) && hasTakenMoreThan(before.offset, info)) return true;
    if (!isKnown) this.#before = { endpoint, offset: writtenOffsetOf(info), atMs: performance.now() };
    return false;
  }

  async #locate(): Promise<NamedPrimary> {
    for (;;) {
      const told = new Promise<undefined>((resolve) => {
        this.#wake = () => resolve(undefined);
      });
      const latest = this.#latest;
      if (latest?.fresh && performance.now() < latest.atMs + FRESH_MS) return { ...latest.named };
      const asked = askSentinels(this.#openSentinels(), this.#target.masterName);
      const found = await Promise.race([told, asked.catch((error: Error) => error)]);
      if (!this.connecting) throw new Error('Connection is closed.');
      if (found instanceof Error) {
        this.#emit('error', found);
        await Promise.race([told, delay(PAUSE_MS)]);
      } else if (found !== undefined) {
        const remembered = this.#remembered();
        if (remembered && remembered.epoch > found.epoch) return { ...remembered, certain: found.certain };
        this.#latest = { named: found, atMs: performance.now(), fresh: false };
        return { ...found };
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

const toUnproven = ({ host, port }: RedisEndpoint) =>
  new Error(
    `too few Sentinels answer to say whether ${host}:${port} is still the primary, and no replica has confirmed anything new to it. It is asked once most Sentinels name it`,
  );

export const isSame = (one: RedisEndpoint, other: RedisEndpoint) => one.host === other.host && one.port === other.port;
