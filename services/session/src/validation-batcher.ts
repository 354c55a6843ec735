import { Command, type Redis } from 'ioredis';
import { withRetry } from './with-retry.ts';

export interface ValidationBatcherOptions {
  redis: Redis;
  retryBudgetMs: number;
  /** Measures a batch, and gives its errors their one form. */
  measure: <T>(run: () => Promise<T>) => Promise<T>;
}

/** Which session to validate, where it is and by which secret. */
export interface Question {
  s: string;
  t: string;
  rest: string;
  secretHash: string;
}

/** The answer of `validate`: its values, numbers perhaps as text. */
export type ValidationReply = unknown[];

interface Asked extends Question {
  resolve: (reply: ValidationReply) => void;
  reject: (error: unknown) => void;
}

/** Redis does nothing else while it answers a batch: this many take it a few tenths of a millisecond. */
const LARGEST_BATCH = 64;

/**
 * Sends the validations of one turn of the event loop as one command (`validate_each`), and does not wait for its answer
 * before it sends the next. Nearly all that a command costs a service and Redis is paid once for the batch.
 */
export class ValidationBatcher {
  readonly #options: ValidationBatcherOptions;
  #waiting: Asked[] = [];

  constructor(options: ValidationBatcherOptions) {
    this.#options = options;
  }

  ask({ s, t, rest, secretHash }: Question): Promise<ValidationReply> {
    return new Promise((resolve, reject) => {
      const count = this.#waiting.push({ s, t, rest, secretHash, resolve, reject });
      if (count === 1) setImmediate(this.#flush);
      else if (count === LARGEST_BATCH) this.#flush();
    });
  }

  readonly #flush = (): void => {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) void this.#send(batch);
  };

  async #send(batch: Asked[]): Promise<void> {
    try {
      const replies = await this.#options.measure(() => this.#askTogether(batch));
      for (const [index, { resolve }] of batch.entries()) resolve(replies[index] as ValidationReply);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  async #askTogether(batch: readonly Question[]): Promise<ValidationReply[]> {
    const { redis, retryBudgetMs } = this.#options;
    const args: (string | number)[] = ['holdfast_v2_validate_each', batch.length * 2];
    for (const { s, t } of batch) args.push(s, t);
    for (const { rest, secretHash } of batch) args.push(rest, secretHash);
    // Not through autopipelining, which would hold it back for another turn, and until the batch before is answered.
    const send = () => redis.sendCommand(new Command('fcall_ro', args, { replyEncoding: 'utf8' })) as Promise<string[]>;
    return (await withRetry(redis, retryBudgetMs, send)).map((lines) => lines.split('\n'));
  }
}
