import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Redis } from 'ioredis';
import type { NamedPrimary } from './ask-sentinels.ts';
import { type Command, DurableWriter } from './durable-writer.ts';
import { followPrimary, type PrimaryFollower } from './follow-primary.ts';
import { loadFunctionLibrary } from './function-library.ts';
import { HoldfastError } from './holdfast-error.ts';
import { keepFunctions } from './keep-functions.ts';
import { createRedisClient, endpointOf } from './redis-client.ts';
import { toSessionKeys } from './session-keys.ts';
import type { SessionStoreOptions } from './session-store-options.ts';
import type { ParsedSessionToken } from './session-token.ts';
import { isFunctionMissing, toStoreError } from './store-errors.ts';
import { Turns } from './turns.ts';
import { needsProof } from './validation.ts';
import { ValidationBatcher, type ValidationReply } from './validation-batcher.ts';
import { withRetry } from './with-retry.ts';

type Arguments = readonly (string | number)[];

const tracer = trace.getTracer('@holdfast/session');
const RECONNECT_MS = 250;
const readOnly = new Set(['validate', 'count']);
/** May also end what has idled out, but is asked for what it reads. */
const reads = new Set([...readOnly, 'list_some']);

/**
 * The primary's functions, called over connections that are kept up for as long as this is open. Each call is measured, is
 * a span of its request's trace, and fails as {@link HoldfastError} only.
 */
export class StoreCalls {
  readonly redis: Redis;
  readonly #options: SessionStoreOptions;
  readonly #writeRedis: Redis | undefined;
  readonly #writer: DurableWriter | undefined;
  readonly #follower: PrimaryFollower;
  readonly #batcher: ValidationBatcher;
  readonly #connections: readonly Redis[];
  readonly #keeper: { close(): void } | undefined;
  readonly #lists = new Turns();
  #closed = false;

  /** @param further connections that are to follow the primary, and be closed, with these */
  constructor(options: SessionStoreOptions, further: readonly Redis[] = []) {
    this.#options = options;
    this.redis = createRedisClient(options.redis, `holdfast-${options.role}`);
    this.#batcher = new ValidationBatcher({
      redis: this.redis,
      retryBudgetMs: options.retryBudgetMs,
      measure: (run) => this.#measure('validate', run),
      wasPrimary: (asked) => this.#follower.wasPrimary(this.redis, asked),
      askAlone: (token) => this.validate(token),
    });
    const onError = (error: Error) => options.onError?.(error);
    if (options.role === 'auth') {
      const writeRedis = createRedisClient(options.redis, 'holdfast-auth-wait', options.waitTimeoutMs);
      writeRedis.on('ready', () => this.#loadFunctions().catch(onError));
      this.#writeRedis = writeRedis;
      this.#keeper = keepFunctions(this.redis, onError);
      this.#writer = new DurableWriter({
        redis: writeRedis,
        replicas: options.waitReplicas,
        timeoutMs: options.waitTimeoutMs,
        retryBudgetMs: options.retryBudgetMs,
      });
    }
    this.#connections = [this.redis, ...(this.#writeRedis ? [this.#writeRedis] : []), ...further];
    for (const connection of this.#connections) {
      connection.on('error', onError);
      let endedAtMs = Number.NEGATIVE_INFINITY;
      connection.on('end', () => {
        const nowMs = performance.now();
        const reconnect = () => {
          if (!this.#closed) connection.connect().catch(() => {});
        };
        // Where it can't even begin, such as with a key that is not the certificate's, nothing else would run without a pause.
        if (nowMs >= endedAtMs + RECONNECT_MS) reconnect();
        else setTimeout(reconnect, RECONNECT_MS).unref();
        endedAtMs = nowMs;
      });
    }
    this.#follower = followPrimary(options.redis, [...this.#connections], onError);
  }

  connect(): void {
    for (const redis of this.#connections) if (redis.status === 'wait') redis.connect().catch(() => {});
  }

  close(): void {
    this.#closed = true;
    this.#follower.close();
    this.#keeper?.close();
    for (const redis of this.#connections) redis.disconnect();
  }

  /**
   * Whether sessions can be validated: asks for one that nobody can have, as every user may. A Redis that answers PING may
   * have lost the functions.
   */
  async ping(): Promise<void> {
    const { s, t, rest } = toSessionKeys('');
    const ask = () => this.redis.fcall_ro('holdfast_v2_validate', 2, s, t, rest, '');
    await this.#call('ping', () => withRetry(this.redis, this.#options.retryBudgetMs, ask));
  }

  /** A call that needs no replica's confirmation; autopipelining sends those of one tick together. */
  ask(operation: string, keys: readonly string[], args: Arguments = [], budgetMs = this.#options.retryBudgetMs) {
    const command = readOnly.has(operation) ? 'fcall_ro' : 'fcall';
    const isList = operation === 'list_some';
    const run = () =>
      withRetry(
        this.redis,
        budgetMs,
        async () => {
          const asked = endpointOf(this.redis);
          const reply = await this.redis[command](`holdfast_v2_${operation}`, keys.length, ...keys, ...args);
          // A list can lack a session that began elsewhere.
          if (isList || needsProof(reply)) await this.#requirePrimary(this.redis, asked);
          return reply;
        },
        { repeatTimedOut: !reads.has(operation) },
      );
    return this.#call(operation, () => (isList ? this.#lists.take(keys[0] ?? '', run) : run()));
  }

  /** @param further arguments of the function `validate` */
  validate({ id, secretHash }: ParsedSessionToken, further: Arguments = []): Promise<ValidationReply> {
    const { s, t, rest } = toSessionKeys(id);
    return this.ask('validate', [s, t], [rest, secretHash, ...further]) as Promise<ValidationReply>;
  }

  /** A validation without the device, together with others of its moment. */
  validateTogether(token: ParsedSessionToken): Promise<ValidationReply> {
    return this.#trace('validate', () => this.#batcher.ask(token));
  }

  /** A call that the replicas confirm. Only auth may make one. */
  write(operation: string, keys: readonly string[], args: Arguments): Promise<unknown> {
    const [writer, redis] = [this.#writer, this.#writeRedis];
    if (!writer || !redis) throw new Error(`a validator can't ${operation} sessions`);
    const command: Command = ['FCALL', `holdfast_v2_${operation}`, keys.length, ...keys, ...args];
    return this.#call(operation, () =>
      withRetry(redis, this.#options.retryBudgetMs, async () => {
        const { reply, asked } = await writer.write(command);
        if (needsProof(reply)) await this.#requirePrimary(redis, asked);
        return reply;
      }),
    );
  }

  /** @throws Error which passes, when nobody knows whether the answer was the primary's */
  async #requirePrimary(redis: Redis, asked: NamedPrimary | undefined): Promise<void> {
    if (await this.#follower.wasPrimary(redis, asked)) return;
    throw new Error(
      'too few Sentinels name the Redis that answered as the primary: it may have been replaced, and is asked again',
    );
  }

  #call<T>(operation: string, run: () => Promise<T>): Promise<T> {
    return this.#trace(operation, () => this.#measure(operation, run));
  }

  /** A span in the request's trace. Where no request is traced it costs nothing. */
  #trace<T>(operation: string, run: () => Promise<T>): Promise<T> {
    if (trace.getActiveSpan() === undefined) return run();
    return tracer.startActiveSpan(`redis ${operation}`, spanOptions(operation), async (span) => {
      try {
        return await run();
      } catch (error) {
        span.recordException(error as Error);
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  /** Measures a call and gives its errors their one form. */
  async #measure<T>(operation: string, run: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    let ok = false;
    try {
      const result = await this.#withFunctions(run);
      ok = true;
      return result;
    } catch (error) {
      throw error instanceof HoldfastError ? error : toStoreError(error);
    } finally {
      this.#options.onCall?.(operation, performance.now() - startedAt, ok);
    }
  }

  /** Runs it, and once more with the functions loaded where Redis turns out to have lost them. */
  async #withFunctions<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      if (!isFunctionMissing(error) || this.#options.role !== 'auth') throw error;
      await this.#loadFunctions().catch(() => {
        // What is to be told is what became of the call.
        throw error;
      });
      return run();
    }
  }

  async #loadFunctions(): Promise<void> {
    if (this.#writeRedis) await loadFunctionLibrary(this.#writeRedis);
  }
}

const spanOptions = (operation: string) => ({
  kind: SpanKind.CLIENT,
  attributes: {
    'db.system.name': 'redis',
    'db.operation.name': 'FCALL',
    'db.stored_procedure.name': `holdfast_v2_${operation === 'ping' ? 'validate' : operation}`,
  },
});
