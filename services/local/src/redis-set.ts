import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisEndpoint } from '@holdfast/session';
import { findMajority } from './find-majority.ts';
import { RedisNode } from './redis-node.ts';
import type { ExtraRedisUser, RedisUsers } from './redis-users.ts';
import type { SentinelTimings } from './sentinel-config.ts';
import { SentinelNode } from './sentinel-node.ts';
import { StartError } from './start-error.ts';

export interface RedisSetOptions {
  /** Each node has a folder in it. */
  folder: string;
  masterName: string;
  redis: readonly RedisEndpoint[];
  sentinels: readonly RedisEndpoint[];
  users: RedisUsers;
  extraUsers?: readonly ExtraRedisUser[];
  timings?: Partial<SentinelTimings>;
  /** The program; valkey-server takes the same configuration. */
  program?: string;
  /** Told what a person may want to know, such as a role that was refused. */
  log?: (text: string) => void;
}

/** 2 s find a hung primary fast, and are long enough for a busy laptop: see docs/operations.md. */
const defaultTimings: SentinelTimings = { downAfterMs: 2000, failoverTimeoutMs: 15_000 };

const HAND_OVER_MS = 15_000;

/** Redis nodes that copy each other, and the Sentinels that watch over them. No node ever guesses its role. */
export class RedisSet {
  readonly nodes: readonly RedisNode[];
  readonly sentinels: readonly SentinelNode[];
  readonly #log: (text: string) => void;

  constructor({ folder, users, masterName, timings, log, program, extraUsers, ...endpoints }: RedisSetOptions) {
    const programOption = program === undefined ? {} : { program };
    this.#log = log ?? (() => {});
    this.nodes = endpoints.redis.map((endpoint, index) => {
      const name = `redis-${index + 1}`;
      const extra = extraUsers === undefined ? {} : { extraUsers };
      const where = { name, ...endpoint, folder: join(folder, name), ...programOption };
      return new RedisNode({ ...where, ...extra, users, replicated: true });
    });
    this.sentinels = endpoints.sentinels.map((endpoint, index) => {
      const name = `sentinel-${index + 1}`;
      const count = endpoints.sentinels.length;
      const quorum = Math.floor(count / 2) + 1;
      const { downAfterMs, failoverTimeoutMs } = { ...defaultTimings, ...timings };
      // One after the other, as the chart has it: were they to miss a primary at once, each would vote for itself.
      const missed = { downAfterMs: downAfterMs + Math.trunc(((index - quorum + 1) * 900) / count), failoverTimeoutMs };
      const logins = { redisUser: users.sentinel, sentinelUser: users.sentinel };
      const where = { name, ...endpoint, folder: join(folder, name), ...programOption };
      return new SentinelNode({ ...where, ...logins, ...missed, masterName, quorum });
    });
  }

  /** The node that more than half of the Sentinels name as the primary, if there is such a majority now. */
  async findPrimary(): Promise<RedisNode | undefined> {
    const answers = await Promise.allSettled(this.sentinels.map((sentinel) => sentinel.readPrimary()));
    return this.#majority(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined)));
  }

  /** Starts everything while nothing runs: the last primary resumes, and only where there is nothing at all the first node begins. */
  async start(): Promise<void> {
    const primary = await this.#findLastPrimary();
    for (const sentinel of this.sentinels) await sentinel.prepare(primary.endpoint);
    const others = this.nodes.filter((node) => node !== primary);
    // With data elsewhere an empty primary would wipe it: the Sentinels choose another, and it follows that one.
    const refused = !primary.hasData && others.some((node) => node.hasData);
    if (!refused) {
      await primary.start();
      await primary.untilReady();
    }
    await Promise.all(others.map((node) => node.start(primary.endpoint)));
    if (refused) {
      await Promise.all(this.sentinels.map((sentinel) => sentinel.start(primary.endpoint)));
      await this.startNode(primary);
    } else {
      await primary.untilReplicated(others.length);
      await Promise.all(this.sentinels.map((sentinel) => sentinel.start(primary.endpoint)));
    }
    const replicas = this.nodes.length - 1;
    await Promise.all(this.nodes.map((node) => node.untilReady()));
    await Promise.all(this.sentinels.map((sentinel) => sentinel.untilReady(replicas, this.sentinels.length - 1)));
  }

  /** Starts one node while the others run, in the role that most Sentinels give it. */
  async startNode(node: RedisNode, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let refused = false;
    while (performance.now() < deadline) {
      const primary = await this.findPrimary();
      if (primary && primary !== node) {
        await node.start(primary.endpoint);
        return;
      }
      if (primary && node.hasData) {
        if (await this.#handOver(node)) continue;
        await node.start();
        return;
      }
      if (primary && !refused) {
        refused = true;
        this.#log(`${node.name} is named primary but has no data: it stays down until the Sentinels choose another`);
      }
      await delay(100);
    }
    throw new StartError(
      refused
        ? `${node.name} is still named primary, and its folder ${node.folder} is empty. Put its data back, or stop ` +
            'everything and remove the folders redis-* and sentinel-* beside it to begin anew without sessions.'
        : `Most Sentinels did not name a primary for ${node.name} within ${timeoutMs} ms: see sentinel-*/sentinel.log.`,
    );
  }

  /**
   * Has a replica take over from a primary that crashed. While an fsync is under way Redis answers before it writes to
   * its append-only file, for up to 2 s: writes that the replicas confirmed may be missing from it, and a primary that
   * resumed would have the replicas forget them too.
   *
   * A failover on demand chooses by offsets that are up to 10 s old. So it is asked for only where the replicas have the
   * same offset; else the Sentinels act by themselves, once they have noticed and looked again.
   *
   * @returns false when there is no replica to take over: then its file is the best there is
   */
  async #handOver(crashed: RedisNode): Promise<boolean> {
    const offsets = await this.#readOffsets(this.nodes.filter((node) => node !== crashed));
    const demand = offsets.every((offset) => offset === offsets[0]);
    const willHappen = demand ? await firstSuccess(this.sentinels, (sentinel) => sentinel.failover()) : true;
    const deadline = performance.now() + (willHappen ? HAND_OVER_MS : 0);
    while (performance.now() < deadline) {
      const primary = await this.findPrimary();
      if (primary && primary !== crashed) return true;
      await delay(50);
    }
    return false;
  }

  /** How far each of the nodes that answer has come in the stream of writes, in bytes. */
  async #readOffsets(nodes: readonly RedisNode[]): Promise<number[]> {
    const answers = await Promise.allSettled(nodes.map((node) => node.readReplication()));
    return answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? [Number(answer.value['slave_repl_offset'])] : [],
    );
  }

  startSentinel(sentinel: SentinelNode): Promise<unknown> {
    // It has its own state; the first node is only for one that never ran, which prepare() has ruled out.
    return sentinel.start((this.nodes[0] as RedisNode).endpoint);
  }

  /** Replicas first: a primary that stops waits for its replicas, and Sentinels last see nothing to fail over to. */
  async stop(): Promise<void> {
    const primary = await this.findPrimary().catch(() => undefined);
    await Promise.all(this.nodes.filter((node) => node !== primary).map((node) => node.stop()));
    await primary?.stop();
    await Promise.all(this.sentinels.map((sentinel) => sentinel.stop()));
  }

  /** As the Sentinels wrote it down, for a start of everything, when none of them can be asked. */
  async #findLastPrimary(): Promise<RedisNode> {
    const written = await Promise.all(this.sentinels.map((sentinel) => sentinel.readWrittenPrimary()));
    const majority = this.#majority(written);
    if (majority) return majority;
    const first = this.nodes[0] as RedisNode;
    const nothing = written.every((endpoint) => endpoint === undefined) && this.nodes.every((node) => !node.hasData);
    if (nothing) return first;
    throw new StartError(
      `The Sentinels' files no longer say which Redis was the primary, and ${first.folder} or a folder beside it holds ` +
        'data: starting the wrong one would lose sessions. Put the sentinel-* folders back, or remove the folders ' +
        'redis-* and sentinel-* to begin anew without sessions.',
    );
  }

  #majority(endpoints: readonly (RedisEndpoint | undefined)[]): RedisNode | undefined {
    const port = findMajority(endpoints.map((endpoint) => endpoint?.port));
    return this.nodes.find((node) => node.endpoint.port === port);
  }
}

/** Asks one after the other until one does it. */
async function firstSuccess<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<boolean> {
  for (const one of all) {
    try {
      await act(one);
      return true;
    } catch {
      // The next one.
    }
  }
  return false;
}
