import { Command, type Redis } from 'ioredis';
import type { NamedPrimary } from './ask-sentinels.ts';
import type { HoldfastError } from './holdfast-error.ts';
import { endpointOf } from './redis-client.ts';
import type { ParsedSessionToken } from './session-token.ts';
import { isFunctionMissing } from './store-errors.ts';
import { needsProof, parseReply } from './validation.ts';
import { withRetry } from './with-retry.ts';

export interface ValidationBatcherOptions {
  redis: Redis;
  retryBudgetMs: number;
  /** Measures a batch, and gives its errors their one form. */
  measure: <T>(run: () => Promise<T>) => Promise<T>;
  /** Whether the one who was asked is known to have been the primary: only then may an answer say that there is no such session. */
  wasPrimary: (asked: NamedPrimary | undefined) => Promise<boolean>;
  /** Asks for one by itself: of a library that can't answer batches yet, or since nobody knows whether the answer was the primary's. */
  askAlone: (token: ParsedSessionToken) => Promise<ValidationReply>;
}

/** The answer of `validate`: its values, numbers perhaps as text, the public part perhaps as the list it stands for. */
export type ValidationReply = unknown[];

interface Asked {
  token: ParsedSessionToken;
  resolve: (reply: ValidationReply | Promise<ValidationReply>) => void;
  reject: (error: unknown) => void;
}

/**
 * Redis does nothing else while it answers a batch: this many take it a tenth of a millisecond. It answers one while the service
 * reads the requests of the next; of batches four times as large each waits for the other.
 */
const LARGEST_BATCH = 16;

/**
 * Sends the validations of one turn of the event loop together (`validate_batch`), and does not wait for their answer
 * before it sends the next. Nearly all that a command costs a service and Redis is paid once for the batch.
 */
export class ValidationBatcher {
  readonly #options: ValidationBatcherOptions;
  #waiting: Asked[] = [];

  constructor(options: ValidationBatcherOptions) {
    this.#options = options;
  }

  ask(token: ParsedSessionToken): Promise<ValidationReply> {
    return new Promise((resolve, reject) => {
      const count = this.#waiting.push({ token, resolve, reject });
      if (count === 1) setImmediate(this.#flush);
      else if (count === LARGEST_BATCH) this.#flush();
    });
  }

  readonly #flush = (): void => {
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) void this.#send(batch);
  };

  async #send(batch: readonly Asked[]): Promise<void> {
    const { redis, measure, askAlone } = this.#options;
    let asked: NamedPrimary | undefined;
    const begin = () => {
      asked = endpointOf(redis);
    };
    try {
      const replies = await measure(() => this.#askTogether(batch, begin));
      for (let index = 0; index < batch.length; index++)
        this.#answer(batch[index] as Asked, replies[index] as string, asked);
    } catch (error) {
      for (const { token, resolve, reject } of batch) {
        // In an upgrade this may run before the auth that brings the function.
        if (isFunctionMissing((error as HoldfastError).cause)) resolve(askAlone(token));
        else reject(error);
      }
    }
  }

  #askTogether(batch: readonly Asked[], begin: () => void): Promise<string[]> {
    const { redis, retryBudgetMs } = this.#options;
    let asked = '';
    for (const { token } of batch) asked += token.id + token.secretHash;
    const args = ['holdfast_v2_validate_batch', 0, asked];
    // Not through autopipelining, which would hold it back for another turn, and until the batch before is answered.
    const send = () => {
      begin();
      return redis.sendCommand(new Command('fcall_ro', args, { replyEncoding: 'utf8' })) as Promise<string[]>;
    };
    return withRetry(redis, retryBudgetMs, send, { repeatTimedOut: false });
  }

  #answer({ token, resolve, reject }: Asked, text: string, asked: NamedPrimary | undefined): void {
    try {
      const reply = parseReply(text) as ValidationReply;
      resolve(needsProof(reply) ? this.#prove(token, reply, asked) : reply);
    } catch (error) {
      reject(error);
    }
  }

  async #prove(token: ParsedSessionToken, reply: ValidationReply, asked: NamedPrimary | undefined) {
    const { wasPrimary, askAlone } = this.#options;
    return (await wasPrimary(asked)) ? reply : askAlone(token);
  }
}
