import type { Redis } from 'ioredis';
import type { NamedPrimary } from './ask-sentinels.ts';
import { endpointOf } from './redis-client.ts';
import { isWithoutReplicas, notDurable, outcomeUnknown, wasNeverSent, wasRefused } from './store-errors.ts';
import { withRetry } from './with-retry.ts';

export type Command = [name: string, ...args: (string | number)[]];

export interface DurableWriterOptions {
  /** A connection of its own: WAIT blocks the connection it runs on, and counts only that connection's writes. */
  redis: Redis;
  /** How many replicas must confirm; 0 asks none. */
  replicas: number;
  timeoutMs: number;
  retryBudgetMs: number;
}

/** A reply, and the connection that was asked for it. */
export interface ConfirmedReply {
  reply: unknown;
  asked: NamedPrimary | undefined;
}

interface Pending {
  command: Command;
  resolve: (reply: ConfirmedReply) => void;
  reject: (error: unknown) => void;
}

/**
 * How many writes of a batch may be about the same first key, which is one user's. Redis does a batch without a break, and a write
 * about a user who has many sessions takes a millisecond.
 */
const MOST_OF_ONE_KEY = 2;

/**
 * Writes that count only once enough replicas have them (Redis WAIT). Writes that arrive while one batch is being
 * confirmed go together in the next, with one WAIT for all of them, so a slow replica costs everybody one wait and
 * not a queue of waits.
 *
 * A write must be safe to repeat: after a lost connection it is sent again.
 */
export class DurableWriter {
  readonly #options: DurableWriterOptions;
  #pending: Pending[] = [];
  #running = false;

  constructor(options: DurableWriterOptions) {
    this.#options = options;
  }

  /**
   * @throws HoldfastError `not-durable` when it was written but not confirmed in time; `outcome-unknown` when it was sent, by
   *   whichever try, and may have been written
   * @throws Error as Redis or the network gave it, when it was not written
   */
  write(command: Command): Promise<ConfirmedReply> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ command, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending.length > 0) {
      const { batch, later } = divide(this.#pending);
      this.#pending = [...later];
      try {
        if (await this.#writeBatch(batch)) continue;
        // They have waited for as long as those before them have tried, and were never sent.
        const refused = new Set(later);
        this.#pending = this.#pending.filter((write) => !refused.has(write));
        for (const { reject } of later) reject(new Error('it waited for writes of the same user that failed'));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  /** @returns whether Redis answered and its replicas confirmed */
  async #writeBatch(batch: Pending[]): Promise<boolean> {
    const { redis, replicas, timeoutMs, retryBudgetMs } = this.#options;
    let results: [error: Error | null, reply: unknown][] | undefined;
    let confirmed = false;
    let asked: NamedPrimary | undefined;
    /** For each, whether one of its tries may have been carried out, be it later. */
    const mayBeWritten = batch.map(() => false);
    try {
      await withRetry(redis, retryBudgetMs, async () => {
        results = undefined;
        asked = endpointOf(redis);
        const pipeline = redis.pipeline();
        for (const { command } of batch) pipeline.call(...command);
        if (replicas > 0) pipeline.wait(replicas, timeoutMs);
        const replies = (await pipeline.exec()) ?? [];
        batch.forEach((_, index) => {
          const error = replies[index]?.[0];
          if (!error || !(wasNeverSent(error) || wasRefused(error))) mayBeWritten[index] = true;
        });
        // One lost reply means a lost connection: the batch is sent again as a whole.
        const lost = replies.find(([error]) => error !== null && error.name !== 'ReplyError');
        if (lost) throw lost[0];
        // Redis refuses the writes of a batch alike while it is read-only, loading, or without replicas.
        if (batch.every((_, index) => replies[index]?.[0])) throw replies[0]?.[0];
        results = replies;
        confirmed = replicas === 0 || Number(replies.at(-1)?.[1] ?? 0) >= replicas;
        // Those of a new primary may need a moment to follow it.
        if (!confirmed) throw notDurable();
      });
    } catch (error) {
      if (!results) {
        batch.forEach(({ reject }, index) => {
          reject(toWriteError(error, mayBeWritten[index]));
        });
        return false;
      }
    }
    batch.forEach(({ resolve, reject }, index) => {
      const [error, reply] = results?.[index] ?? [new Error('no reply'), undefined];
      if (error) reject(toWriteError(error, mayBeWritten[index]));
      else if (confirmed) resolve({ reply, asked });
      else reject(notDurable());
    });
    return confirmed;
  }
}

/** What goes now, and what is held back since enough of its key goes already. Writes about a key keep their order. */
function divide(pending: readonly Pending[]): { batch: Pending[]; later: Pending[] } {
  const counts = new Map<unknown, number>();
  const [batch, later]: [Pending[], Pending[]] = [[], []];
  for (const write of pending) {
    const [, , , key] = write.command;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    (count < MOST_OF_ONE_KEY ? batch : later).push(write);
  }
  return { batch, later };
}

/** That replicas are missing says by itself that nobody can tell what became of it. */
function toWriteError(error: unknown, mayBeWritten: boolean | undefined): unknown {
  return mayBeWritten && !isWithoutReplicas(error) ? outcomeUnknown(error) : error;
}
