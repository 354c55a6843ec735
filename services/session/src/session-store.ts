import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Redis } from 'ioredis';
import { DegradedReads } from './degraded-reads.ts';
import { type Command, DurableWriter } from './durable-writer.ts';
import { followPrimary, type PrimaryFollower } from './follow-primary.ts';
import { loadFunctionLibrary } from './function-library.ts';
import { HoldfastError } from './holdfast-error.ts';
import { createRedisClient, type RedisConfig } from './redis-client.ts';
import { SessionCache } from './session-cache.ts';
import type { Device, PublicPart, RevokeReason, SessionWithDevice } from './session-record.ts';
import { createSessionToken, deriveSessionToken, type ParsedSessionToken, parseSessionToken } from './session-token.ts';
import { isFunctionMissing, toStoreError } from './store-errors.ts';
import {
  type ActiveValidation,
  type Ended,
  parsePublicPart,
  toEnded,
  toSession,
  toValidation,
  type Validation,
} from './validation.ts';
import { ValidationBatcher } from './validation-batcher.ts';
import { withRetry } from './with-retry.ts';

export interface SessionStoreOptions {
  redis: RedisConfig;
  /** `auth` owns the records and loads the functions; `validator` only validates and touches. */
  role: 'auth' | 'validator';
  idleTimeoutMs: number;
  absoluteTimeoutMs: number;
  /** Replicas that confirm a login or a logout; 0 asks none. */
  waitReplicas: number;
  waitTimeoutMs: number;
  retryBudgetMs: number;
  /** How long into an outage of the primary replicas may answer for it, where that is safe; by default never. */
  degradedReadMs?: number;
  /** How long a validator may answer a live session from its own memory, in milliseconds; by default it always asks. */
  localCacheMs?: number;
  /** How many live sessions a user may have; 0, the default, is any number. */
  maxPerUser?: number;
  /** What a login does that would be one too many; default `terminate-oldest`. */
  maxPerUserAction?: LimitAction;
  /** How old a secret gets before auth gives out a successor; 0, the default, is for ever. */
  rotateMs?: number;
  /** How long one call of the store took, and whether it got an answer. */
  onCall?: (operation: string, durationMs: number, ok: boolean) => void;
  /** A connection or a background write failed. The store goes on trying. */
  onError?: (error: Error) => void;
}

export interface ValidateOptions {
  /** The request changes nothing (RFC 9110, section 9.2.1), so that replicas may answer while the primary can't. */
  safe: boolean;
}

/** What becomes of one session too many: the user's oldest ends, or the new one is refused. */
export type LimitAction = 'terminate-oldest' | 'deny-new';

/** Who somebody proved to be just now. */
export interface Authentication {
  userId: string;
  roles: readonly string[];
  /** How they proved it, RFC 8176 names. */
  amr: readonly string[];
}

export interface RotateOptions {
  /** What successors are derived with; never kept in Redis. The first makes new ones, all of them find made ones again. */
  keys: readonly Buffer[];
  /** Only where the newest secret is at least that old; 0 is at once, and the default what `rotateMs` says. */
  minAgeMs?: number;
  /** After a re-authentication: the successor, and only it, is worth that. */
  authentication?: Authentication | undefined;
}

/** `kept`: there is no successor for this token now. */
export type Rotation = { outcome: 'rotated'; token: string; authentication: PublicPart } | { outcome: 'kept' } | Ended;

export interface NewSession extends Authentication {
  device: Device;
  /** The session that the caller ends once this one is there: it does not count against the user's limit. */
  replaces?: ParsedSessionToken | undefined;
  /** When the user proved who they are, where that was before now; milliseconds since 1970. */
  authenticatedAtMs?: number | undefined;
  /**
   * The session at an identity provider that this one comes of, so that {@link SessionStore.revokeLinked} finds it; 43
   * characters of base64url, the hash of whatever the provider calls it.
   */
  link?: string | undefined;
}

export interface CreatedSession {
  token: string;
  session: SessionWithDevice;
  /** Older sessions of the user that ended because they were too many. */
  evicted: readonly string[];
}

/** What came of ending a session; `ended`: it had been ended before, `unknown`: none such, or not the caller's. */
export type Revocation = { outcome: 'revoked' | 'ended'; userId: string } | { outcome: 'unknown' };

/** One counter of a rate limit: at most `limit` within `windowMs` of the first. */
export interface LimitCounter {
  key: string;
  limit: number;
  windowMs: number;
}

const unsafe: ValidateOptions = { safe: false };
type CreateReply = [
  outcome: string,
  createdAtMs: number,
  absoluteExpiresAtMs: number,
  tooMany?: number,
  replaced?: number,
];

/** Where a reply of `validate` says what may be rotated: its last field. */
const ROTATION_FIELD = 11;

const tracer = trace.getTracer('@holdfast/session');
const sessionKey = (id: string) => `hf:s:${id}`;
const touchKey = (id: string) => `hf:t:${id}`;
const userKey = (userId: string) => `hf:u:${userId}`;
const linkKey = (link: string) => `hf:o:${link}`;
const limitKey = (name: string) => `hf:rl:${name}`;

/**
 * Sessions in Redis. Every method that can't get an answer throws {@link HoldfastError} `store-unavailable` (503), and
 * those that promise durability `not-durable` (503); none of them ever takes an outage for a missing session.
 */
export class SessionStore {
  readonly #options: SessionStoreOptions;
  readonly #redis: Redis;
  readonly #writeRedis: Redis | undefined;
  readonly #writer: DurableWriter | undefined;
  readonly #follower: PrimaryFollower;
  readonly #degraded: DegradedReads | undefined;
  readonly #batcher: ValidationBatcher;
  readonly #cache: SessionCache | undefined;
  readonly #touching = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: SessionStoreOptions) {
    this.#options = options;
    this.#redis = createRedisClient(options.redis, `holdfast-${options.role}`);
    this.#batcher = new ValidationBatcher({
      redis: this.#redis,
      retryBudgetMs: options.retryBudgetMs,
      measure: (run) => this.#measure('validate', run),
    });
    if (options.role === 'auth') {
      const writeRedis = createRedisClient(options.redis, 'holdfast-auth-wait', options.waitTimeoutMs);
      writeRedis.on('ready', () => this.#loadFunctions().catch((error: Error) => options.onError?.(error)));
      this.#writeRedis = writeRedis;
      this.#writer = new DurableWriter({
        redis: writeRedis,
        replicas: options.waitReplicas,
        timeoutMs: options.waitTimeoutMs,
        retryBudgetMs: options.retryBudgetMs,
      });
    }
    const { redis, waitReplicas, localCacheMs = 0, degradedReadMs: limitMs = 0 } = options;
    const onError = (error: Error) => options.onError?.(error);
    // Auth is the one that ends sessions: it always asks.
    if (localCacheMs > 0 && options.role === 'validator') {
      this.#cache = new SessionCache({ redis, maxAgeMs: localCacheMs, onError });
    }
    for (const connection of this.#connections()) {
      connection.on('error', onError);
      connection.on('end', () => {
        if (!this.#closed) connection.connect().catch(() => {});
      });
    }
    this.#follower = followPrimary(redis, this.#connections(), onError);
    if (limitMs > 0 && redis.target.kind === 'sentinel') {
      this.#degraded = new DegradedReads({ redis, name: 'holdfast-degraded', waitReplicas, limitMs, onError });
    }
  }

  /** Begins to connect; an unreachable Redis is no error here, it is retried for as long as the store is open. */
  connect(): void {
    for (const redis of this.#connections()) if (redis.status === 'wait') redis.connect().catch(() => {});
    this.#degraded?.connect();
  }

  /** Whether the primary answers, for readiness. Not for liveness: a restart mends no Redis. */
  async ping(): Promise<void> {
    await this.#call('ping', () => withRetry(this.#redis, this.#options.retryBudgetMs, () => this.#redis.ping()));
  }

  /** A session that lives as far as this process knows, within `localCacheMs`; undefined where Redis has to be asked. */
  recall(token: ParsedSessionToken): ActiveValidation | undefined {
    return this.#cache?.find(token);
  }

  /** One round trip, and a read: where that is switched on, replicas answer it while the primary can't. */
  async validate(token: ParsedSessionToken, options: ValidateOptions = unsafe): Promise<Validation> {
    const filling = this.#cache?.begin(token.id);
    let validation: Validation | undefined;
    try {
      const reply = await this.#validate(token, ['0'], options);
      validation = toValidation(token, reply, (fields) => toSession(token.id, fields));
      return validation;
    } finally {
      if (filling) this.#cache?.keep(filling, token.secretHash, validation);
    }
  }

  /** As {@link validate}, with the device the session was begun on. */
  async describe(token: ParsedSessionToken, options: ValidateOptions = unsafe): Promise<Validation<SessionWithDevice>> {
    const { role, rotateMs = 0 } = this.#options;
    const reply = await this.#validate(token, role === 'auth' ? ['1', rotateMs] : ['1'], options);
    return toValidation(token, reply, (fields) => ({
      ...toSession(token.id, fields),
      device: { userAgent: String(fields[6]), ip: String(fields[7]) },
    }));
  }

  /**
   * Moves "last seen" forward, in the background: the request that was validated does not wait, and a touch that fails
   * is due again at the next validation.
   *
   * @param firstUse as the validation found it
   */
  touch(id: string, firstUse?: string): void {
    if (this.#touching.has(id)) return;
    const done = this.#ask('touch', [touchKey(id)], firstUse === undefined ? [] : [firstUse], 0)
      .then(
        () => {},
        (error: Error) => this.#options.onError?.(error),
      )
      .finally(() => this.#touching.delete(id));
    this.#touching.set(id, done);
  }

  /**
   * A new session, confirmed by the replicas. When that fails, what may have been written is revoked as well as can be,
   * and nobody holds its token. Older sessions that are too many end only after that, so a login that fails ends none.
   *
   * @throws HoldfastError `session-limit`, `sign-in-failed` (the provider has ended the linked session already),
   *   `not-durable` or `store-unavailable`
   */
  async create(input: NewSession): Promise<CreatedSession> {
    const { token, id, secretHash } = createSessionToken();
    const { idleTimeoutMs, absoluteTimeoutMs, maxPerUser = 0, maxPerUserAction = 'terminate-oldest' } = this.#options;
    const { userId, roles, amr, device, replaces, authenticatedAtMs, link } = input;
    const publicPart = toPublicPart({ userId, roles, amr });
    const keys = [sessionKey(id), touchKey(id), userKey(userId), ...(link === undefined ? [] : [linkKey(link)])];
    const record = [id, secretHash, userId, publicPart, idleTimeoutMs, absoluteTimeoutMs, device.userAgent, device.ip];
    const limit = [maxPerUser, maxPerUserAction, replaces?.id ?? '', replaces?.secretHash ?? ''];
    try {
      const reply = (await this.#write('create', keys, [...record, ...limit, authenticatedAtMs ?? ''])) as CreateReply;
      if (reply[0] === 'limit') throw sessionLimit(maxPerUser);
      if (reply[0] === 'ended') throw endedAtProvider();
      if (reply[0] !== 'created') throw new Error(`create answered ${reply[0]}`);
      const [, createdAtMs, absoluteExpiresAtMs, tooMany = 0, replaced] = reply;
      const session: SessionWithDevice = {
        id,
        userId,
        roles,
        amr,
        authenticatedAtMs: Math.min(authenticatedAtMs ?? createdAtMs, createdAtMs),
        createdAtMs,
        lastSeenAtMs: createdAtMs,
        idleExpiresAtMs: Math.min(createdAtMs + idleTimeoutMs, absoluteExpiresAtMs),
        absoluteExpiresAtMs,
        device,
      };
      const spared = replaced === 1 ? replaces?.id : undefined;
      return { token, session, evicted: tooMany > 0 ? await this.#evict(userId, spared) : [] };
    } catch (error) {
      if (error instanceof HoldfastError && ['session-limit', 'sign-in-failed'].includes(error.code)) throw error;
      this.revoke(id, { userId }, 'not-durable').catch((cause: Error) => this.#options.onError?.(cause));
      throw error;
    }
  }

  /** Ends the user's oldest sessions beyond the limit. When that fails, the next login does it. */
  async #evict(userId: string, spared = ''): Promise<string[]> {
    try {
      const args = ['session-limit', spared, this.#options.maxPerUser ?? 0];
      return (await this.#write('revoke_user', [userKey(userId)], args)) as string[];
    } catch (error) {
      this.#options.onError?.(error as Error);
      return [];
    }
  }

  /**
   * Ends a session, confirmed by the replicas. Safe to repeat.
   *
   * @param proof what makes the caller one who may: the session's secret, or whose it is
   * @throws HoldfastError `not-durable` or `store-unavailable`: it may or may not have ended, ask again
   */
  async revoke(
    id: string,
    proof: { secretHash: string } | { userId: string },
    reason: RevokeReason,
  ): Promise<Revocation> {
    const [field, value] = 'userId' in proof ? ['user', proof.userId] : ['hash', proof.secretHash];
    const reply = (await this.#write('revoke', [sessionKey(id), touchKey(id)], [id, field, value, reason])) as string[];
    const [outcome, userId] = reply as [Revocation['outcome'], string?];
    return userId === undefined ? { outcome: 'unknown' } : ({ outcome, userId } as Revocation);
  }

  /**
   * The token that takes the place of this one, confirmed by the replicas: nobody is given a secret that a failover could
   * forget. Everybody who asks with the same token gets the same successor, so neither parallel requests nor a lost reply
   * log anybody out; the old token works until 30 seconds after the new one was first used.
   *
   * @param token well-formed
   * @throws HoldfastError `not-durable` or `store-unavailable`: the old token still works
   */
  async rotate(token: string, { keys, minAgeMs, authentication }: RotateOptions): Promise<Rotation> {
    const { id, secretHash } = parseSessionToken(token) as ParsedSessionToken;
    const { rotateMs = 0 } = this.#options;
    const purpose = authentication === undefined ? 'rotate' : 'reauthenticate';
    const candidates = keys.map((key) => deriveSessionToken(token, key, purpose));
    const pub = authentication === undefined ? '' : toPublicPart(authentication);
    const args = [
      id,
      secretHash,
      minAgeMs ?? (rotateMs > 0 ? rotateMs : Number.MAX_SAFE_INTEGER),
      pub,
      ...candidates.map((candidate) => candidate.secretHash),
    ];
    const reply = (await this.#write('rotate', [sessionKey(id), touchKey(id)], args)) as string[];
    const [outcome, successorHash, publicPart] = reply;
    if (outcome === 'kept') return { outcome };
    const successor = candidates.find((candidate) => candidate.secretHash === successorHash);
    if (outcome !== 'rotated' || successor === undefined) return toEnded(reply);
    return { outcome, token: successor.token, authentication: parsePublicPart(String(publicPart)) };
  }

  /**
   * Writes down what a validation found about the token: that a successor is in use, or that a token came back which had
   * long been replaced. Then its session ends; a validator can only see to it that nobody gets in with it any more.
   *
   * @returns whose session this call ended, if it did and this is auth
   * @throws HoldfastError `not-durable` or `store-unavailable`: it is found again the next time
   */
  async noteUse({ id, secretHash }: ParsedSessionToken): Promise<string | undefined> {
    if (this.#options.role === 'validator') {
      await this.#ask('touch', [touchKey(id)], ['reused']);
      return undefined;
    }
    const reply = (await this.#write('rotate', [sessionKey(id), touchKey(id)], [id, secretHash])) as string[];
    return reply[1] === 'reused' ? reply[2] : undefined;
  }

  /** Ends all sessions of a user but, where given, one. Returns the ids of those that were still alive. */
  async revokeUser(userId: string, reason: RevokeReason, exceptId = ''): Promise<string[]> {
    return (await this.#write('revoke_user', [userKey(userId)], [reason, exceptId])) as string[];
  }

  /**
   * Ends the sessions that came of one session at an identity provider, confirmed by the replicas. Safe to repeat.
   *
   * @param userId whose they must be, where the provider says so
   * @param final whether a login that is under way with that session is to fail too
   * @returns those that this ended
   */
  async revokeLinked(
    link: string,
    reason: RevokeReason,
    { userId = '', final = false }: { userId?: string | undefined; final?: boolean } = {},
  ): Promise<{ id: string; userId: string }[]> {
    const args = [reason, userId, final ? '1' : ''];
    const reply = (await this.#write('revoke_linked', [linkKey(link)], args)) as string[];
    return reply.flatMap((id, index) => (index % 2 === 0 ? [{ id, userId: String(reply[index + 1]) }] : []));
  }

  /** The user's live sessions, oldest first. */
  async list(userId: string): Promise<SessionWithDevice[]> {
    const reply = (await this.#ask('list', [userKey(userId)])) as unknown[][];
    return reply.map(([id, ...fields]) => ({
      ...toSession(String(id), fields),
      device: { userAgent: String(fields[5]), ip: String(fields[6]) },
    }));
  }

  /**
   * Takes one from every counter, or from none when one of them is used up.
   * @returns 0, or the milliseconds until it is worth another try
   */
  async takeLimit(counters: readonly LimitCounter[]): Promise<number> {
    const keys = counters.map(({ key }) => limitKey(key));
    const args = counters.flatMap(({ limit, windowMs }) => [limit, windowMs]);
    return Number(await this.#ask('limit', keys, ['take', ...args]));
  }

  /** Gives back what {@link takeLimit} took. */
  async giveLimit(counters: readonly LimitCounter[]): Promise<void> {
    await this.#ask(
      'limit',
      counters.map(({ key }) => limitKey(key)),
      ['give'],
    );
  }

  /** Lets background touches end and closes the connections. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#touching.values());
    this.#closed = true;
    this.#follower.close();
    this.#degraded?.close();
    this.#cache?.close();
    for (const redis of this.#connections()) redis.disconnect();
  }

  #connections(): Redis[] {
    return [this.#redis, this.#writeRedis, this.#cache?.connection].filter((redis) => redis !== undefined);
  }

  #validate(token: ParsedSessionToken, args: (string | number)[], { safe }: ValidateOptions): Promise<unknown[]> {
    const keys = [sessionKey(token.id), touchKey(token.id)];
    const all = [token.secretHash, ...args];
    const primaryReady = this.#redis.status === 'ready';
    // A device's name may be any text; without it no part of the answer has a line break.
    const primary =
      args[0] === '0'
        ? this.#trace('validate', () => this.#batcher.ask({ keys, args: all }))
        : (this.#ask('validate', keys, all) as Promise<unknown[]>);
    if (!safe || !this.#degraded) return primary;
    return this.#degraded.read(primary, primaryReady, async (node) => {
      const reply = await node.fcall_ro('holdfast_v1_validate', keys.length, ...keys, ...all);
      // Without the primary nothing can be rotated, so nobody has to wait for that.
      return (reply as unknown[]).slice(0, ROTATION_FIELD);
    });
  }

  /** A call that needs no replica's confirmation; autopipelining sends those of one tick together. */
  #ask(operation: string, keys: string[], args: (string | number)[] = [], budgetMs = this.#options.retryBudgetMs) {
    const command = operation === 'validate' ? 'fcall_ro' : 'fcall';
    return this.#call(operation, () =>
      withRetry(this.#redis, budgetMs, () =>
        this.#redis[command](`holdfast_v1_${operation}`, keys.length, ...keys, ...args),
      ),
    );
  }

  #write(operation: string, keys: string[], args: (string | number)[]): Promise<unknown> {
    const writer = this.#writer;
    if (!writer) throw new Error(`a validator can't ${operation} sessions`);
    const command: Command = ['FCALL', `holdfast_v1_${operation}`, keys.length, ...keys, ...args];
    return this.#call(operation, () => writer.write(command));
  }

  async #loadFunctions(): Promise<void> {
    if (this.#writeRedis) await loadFunctionLibrary(this.#writeRedis);
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
      await this.#loadFunctions();
      return run();
    }
  }
}

/** The public part but for the time of authentication at its end: Redis sets that, by its clock. */
const toPublicPart = ({ userId, roles, amr }: Authentication) =>
  JSON.stringify({ userId, roles, amr, authenticatedAtMs: 0 }).replace(/0\}$/, '');

const endedAtProvider = () =>
  new HoldfastError('sign-in-failed', 'You have signed out at the identity provider meanwhile. Sign in again.');

const sessionLimit = (max: number) =>
  new HoldfastError(
    'session-limit',
    `You are signed in ${max} times already, which is as often as is allowed. Sign out somewhere else first.`,
  );

const spanOptions = (operation: string) => ({
  kind: SpanKind.CLIENT,
  attributes: {
    'db.system.name': 'redis',
    'db.operation.name': operation === 'ping' ? 'PING' : 'FCALL',
    ...(operation === 'ping' ? {} : { 'db.stored_procedure.name': `holdfast_v1_${operation}` }),
  },
});
