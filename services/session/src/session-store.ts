import { DegradedReads } from './degraded-reads.ts';
import { type EndedStep, endInSteps } from './end-in-steps.ts';
import { HoldfastError } from './holdfast-error.ts';
import { type CreatedSession, type CreationReply, type NewSession, toCreated, toCreation } from './new-session.ts';
import { type RotateOptions, type Rotation, toRotated, toRotation } from './rotation.ts';
import { SessionCache } from './session-cache.ts';
import { toLimitKeys, toLinkKeys, toSessionKeys, toUserKey } from './session-keys.ts';
import { DEFAULT_SESSIONS_PER_USER, requireSessionLimit } from './session-limits.ts';
import { collectSessions, type ListedStep, type SessionListOptions, type SessionPage } from './session-list.ts';
import type { RevokeReason, SessionWithDevice } from './session-record.ts';
import type { LimitCounter, SessionStoreOptions, ValidateOptions } from './session-store-options.ts';
import { createSessionToken, type ParsedSessionToken, parseSessionToken } from './session-token.ts';
import { StoreCalls } from './store-calls.ts';
import { expandUserAgent } from './user-agent.ts';
import { type ActiveValidation, toSession, toValidation, type Validation } from './validation.ts';

/** What came of ending a session; `ended`: it had been ended before, `unknown`: none such, or not the caller's. */
export type Revocation = { outcome: 'revoked' | 'ended'; userId: string } | { outcome: 'unknown' };

type EndSomeArguments = [
  userId: string,
  reason: RevokeReason | 'session-limit',
  exceptId: string,
  keep: number,
  position: string | number,
];

const EVICTION_STEPS = 10;

const unsafe: ValidateOptions = { safe: false };

/** Where a reply of `validate` says what may be rotated: its last field but one. */
const ROTATION_FIELD = 11;

/**
 * Sessions in Redis. Every method that can't get an answer throws {@link HoldfastError} `store-unavailable` (503): then it
 * has changed nothing. Those that promise durability also throw `outcome-unknown`, when the change was sent and not answered, and
 * `not-durable`, when the replicas did not confirm it (both 503): it may or may not have been made. None of them ever takes an
 * outage for a missing session.
 */
export class SessionStore {
  readonly #options: SessionStoreOptions;
  readonly #calls: StoreCalls;
  readonly #degraded: DegradedReads | undefined;
  readonly #cache: SessionCache | undefined;
  readonly #touching = new Map<string, Promise<void>>();

  constructor(options: SessionStoreOptions) {
    requireSessionLimit(options.maxPerUser ?? DEFAULT_SESSIONS_PER_USER);
    this.#options = { maxPerUser: DEFAULT_SESSIONS_PER_USER, ...options };
    const { redis, waitReplicas, localCacheMs = 0, degradedReadMs: limitMs = 0 } = options;
    const onError = (error: Error) => options.onError?.(error);
    // Auth is the one that ends sessions: it always asks.
    if (localCacheMs > 0 && options.role === 'validator') {
      this.#cache = new SessionCache({ redis, maxAgeMs: localCacheMs, onError });
    }
    this.#calls = new StoreCalls(options, this.#cache ? [this.#cache.connection] : []);
    if (limitMs > 0 && redis.target.kind === 'sentinel') {
      this.#degraded = new DegradedReads({ redis, name: 'holdfast-degraded', waitReplicas, limitMs, onError });
    }
  }

  /** Begins to connect; an unreachable Redis is no error here, it is retried for as long as the store is open. */
  connect(): void {
    this.#calls.connect();
    this.#degraded?.connect();
  }

  /** Whether the primary answers and has its functions, for readiness. Not for liveness: a restart mends no Redis. */
  ping(): Promise<void> {
    return this.#calls.ping();
  }

  /**
   * A session that lives as far as this process knows, within `localCacheMs`; undefined where Redis has to be asked.
   *
   * @param token as it was presented, well-formed or not
   */
  recall(token: string): ActiveValidation | undefined {
    return this.#cache?.find(token);
  }

  /** One round trip, and a read: where that is switched on, replicas answer it while the primary can't. */
  async validate(token: ParsedSessionToken, options: ValidateOptions = unsafe): Promise<Validation> {
    const { presented } = options;
    const filling = presented === undefined ? undefined : this.#cache?.begin(token.id, presented);
    let validation: Validation | undefined;
    try {
      const reply = await this.#validate(token, undefined, options);
      validation = toValidation(token, reply, (fields) => toSession(token.id, fields));
      return validation;
    } finally {
      if (filling) this.#cache?.keep(filling, validation);
    }
  }

  /** As {@link validate}, with the device the session was begun on. */
  async describe(token: ParsedSessionToken, options: ValidateOptions = unsafe): Promise<Validation<SessionWithDevice>> {
    const { role, rotateMs = 0 } = this.#options;
    const reply = await this.#validate(token, role === 'auth' ? [rotateMs] : [], options);
    return toValidation(token, reply, (fields) => toSessionWithDevice(token.id, fields, 6));
  }

  /**
   * Moves "last seen" forward, in the background: the request that was validated does not wait, and a touch that fails
   * is due again at the next validation.
   *
   * @param firstUse as the validation found it
   */
  touch(id: string, firstUse?: string): void {
    if (this.#touching.has(id)) return;
    const done = this.#touch(id, firstUse, 0)
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
   *   `outcome-unknown`, `not-durable` or `store-unavailable`
   */
  async create(input: NewSession): Promise<CreatedSession> {
    let created = createSessionToken(input.userId);
    try {
      let reply = await this.#create(input, created);
      if (reply[0] === 'exists') {
        // Another session has the 74 random bits of this one; nobody has ever held this token.
        created = createSessionToken(input.userId);
        reply = await this.#create(input, created);
      }
      const { session, tooMany, replaced } = toCreated(input, created.id, reply, this.#options);
      const spared = replaced ? input.replaces?.id : undefined;
      return { token: created.token, session, evicted: tooMany > 0 ? await this.#evict(input.userId, spared) : [] };
    } catch (error) {
      if (error instanceof HoldfastError && ['session-limit', 'sign-in-failed'].includes(error.code)) throw error;
      const proof = { secretHash: created.secretHash };
      this.revoke(created.id, proof, 'not-durable').catch((cause: Error) => this.#options.onError?.(cause));
      throw error;
    }
  }

  /**
   * Ends a session, confirmed by the replicas. Safe to repeat.
   *
   * @param proof what makes the caller one who may: the session's secret, or whose it is
   * @throws HoldfastError `outcome-unknown`, `not-durable` or `store-unavailable`; with the first two it may or may not have ended, ask again
   */
  async revoke(
    id: string,
    proof: { secretHash: string } | { userId: string },
    reason: RevokeReason,
  ): Promise<Revocation> {
    const { s, t } = toSessionKeys(id);
    const by = 'userId' in proof ? ['user', JSON.stringify(proof.userId)] : ['hash', proof.secretHash];
    const reply = (await this.#calls.write('revoke', [s, t], [id, ...by, reason])) as [string, string?];
    const [outcome, user] = reply;
    if (user === undefined) return { outcome: 'unknown' };
    return { outcome: outcome as 'revoked' | 'ended', userId: JSON.parse(user) as string };
  }

  /**
   * The token that takes the place of this one, confirmed by the replicas: nobody is given a secret that a failover could
   * forget. Everybody who asks with the same token gets the same successor, so neither parallel requests nor a lost reply
   * log anybody out; the old token works until 30 seconds after the new one was first used. Until then the new one is
   * `kept`, but for a re-authentication.
   *
   * @param token well-formed
   * @throws HoldfastError `outcome-unknown`, `not-durable` or `store-unavailable`: the old token still works; `rate-limited`: too many
   *   re-authentications of one session
   */
  async rotate(token: string, options: RotateOptions): Promise<Rotation> {
    const { candidates, args } = toRotation(token, options, this.#options.rotateMs);
    return toRotated(candidates, await this.#rotate(parseSessionToken(token) as ParsedSessionToken, args));
  }

  /**
   * Writes down what a validation found about the token: that a successor is in use, or that a token came back which had
   * long been replaced. Then its session ends; a validator can only see to it that nobody gets in with it any more.
   *
   * @returns whose session this call ended, if it did and this is auth
   * @throws HoldfastError `outcome-unknown`, `not-durable` or `store-unavailable`: it is found again the next time
   */
  async noteUse(token: ParsedSessionToken): Promise<string | undefined> {
    if (this.#options.role === 'validator') {
      await this.#touch(token.id, 'reused');
      // Redis tells of no change there.
      this.#cache?.drop(token.id);
      return undefined;
    }
    const [, reason, user] = (await this.#rotate(token, [])) as string[];
    return reason === 'reused' && user !== undefined ? (JSON.parse(user) as string) : undefined;
  }

  /**
   * Ends all sessions of a user but, where given, one, in steps that the replicas confirm one by one. Safe to repeat.
   *
   * @param onStep is told of those that ended as soon as that is confirmed, also when a later step fails
   * @returns the ids of those that were still alive
   * @throws HoldfastError `not-durable` or `store-unavailable`, and says how many have ended: ask again to end the rest
   */
  async revokeUser(
    userId: string,
    reason: RevokeReason,
    exceptId = '',
    onStep?: (ids: string[]) => void,
  ): Promise<string[]> {
    const call = (position: string | number) => this.#endSome(userId, reason, exceptId, 0, position);
    return endInSteps('0', call, (ids) => ids, onStep);
  }

  /**
   * Ends the sessions that came of one session at an identity provider, in steps that the replicas confirm one by one. Safe
   * to repeat.
   *
   * @param userId whose they must be, where the provider says so
   * @param final whether a login that is under way with that session is to fail too
   * @param onStep as in {@link revokeUser}
   * @returns those that this ended
   */
  async revokeLinked(
    link: string,
    reason: RevokeReason,
    {
      userId,
      final = false,
      onStep,
    }: {
      userId?: string | undefined;
      final?: boolean;
      onStep?: (ended: { id: string; userId: string }[]) => void;
    } = {},
  ): Promise<{ id: string; userId: string }[]> {
    const names = toLinkKeys(link, this.#options.nameKeys?.());
    // Earlier releases used the plain name: such sessions are ended, but nothing is written there any more.
    const former = toLinkKeys(link).filter((name) => !names.includes(name));
    const owner = userId === undefined ? '' : JSON.stringify(userId);
    const read = (ended: string[]) =>
      ended.flatMap((id, index) =>
        index % 2 === 0 ? [{ id, userId: JSON.parse(String(ended[index + 1])) as string }] : [],
      );
    const end = (name: string, isFinal: boolean) => {
      const call = (skip: string | number) =>
        this.#calls.write('end_linked', [name], [reason, owner, isFinal ? '1' : '', skip]) as Promise<EndedStep>;
      return endInSteps(0, call, read, onStep);
    };
    const ended = await Promise.all([
      ...names.map((name) => end(name, final)),
      ...former.map((name) => end(name, false)),
    ]);
    return ended.flat();
  }

  /** All of the user's live sessions, oldest first. */
  async list(userId: string): Promise<SessionWithDevice[]> {
    return (await this.listPage(userId, { limit: Number.MAX_SAFE_INTEGER - 1 })).sessions;
  }

  /** Some of the user's live sessions, in the order in which they began. */
  async listPage(userId: string, options: SessionListOptions): Promise<SessionPage> {
    const { limit, first = 'oldest', after } = options;
    const behind = after ? [after.createdAtMs, toSessionKeys(after.id).rest] : [];
    const call = (position: string) => {
      const args = [JSON.stringify(userId), first, limit + 1, position, ...behind];
      return this.#calls.ask('list_some', [toUserKey(userId)], args) as Promise<ListedStep>;
    };
    return collectSessions(options, call, ([id, ...fields]) => toSessionWithDevice(String(id), fields, 5));
  }

  /** How many sessions live: an estimate (within about a tenth) where there are many. Only auth may ask. */
  async count(): Promise<number> {
    return Number(await this.#calls.ask('count', []));
  }

  /**
   * Takes a place in every counter, or in none. A place whose answer was lost can be asked for again, and one whose end is
   * never told ({@link countLimit}, {@link giveLimit}) comes free by itself.
   *
   * @param attempt an id of its own for what is limited
   * @returns 0, or the milliseconds until there is a place
   */
  async takeLimit(counters: readonly LimitCounter[], attempt: string): Promise<number> {
    const named = this.#nameCounters(counters);
    const args = named.flatMap(({ limit, pendingMs }) => [limit, pendingMs]);
    return Number(await this.#calls.ask('limit', toKeys(named), ['take', attempt, ...args]));
  }

  /** The attempt has failed: it counts for the whole window from now. */
  async countLimit(counters: readonly LimitCounter[], attempt: string): Promise<void> {
    const named = this.#nameCounters(counters);
    await this.#calls.ask('limit', toKeys(named), ['count', attempt, ...toWindows(named)]);
  }

  /**
   * As {@link countLimit}, confirmed by the replicas: a failover can't forget it. Safe to repeat.
   *
   * @throws HoldfastError `not-durable` or `store-unavailable`: it may or may not count
   */
  async confirmLimit(counters: readonly LimitCounter[], attempt: string): Promise<void> {
    const named = this.#nameCounters(counters);
    await this.#calls.write('limit', toKeys(named), ['count', attempt, ...toWindows(named)]);
  }

  /** Gives back what {@link takeLimit} took: the attempt was no failure. */
  async giveLimit(counters: readonly LimitCounter[], attempt: string): Promise<void> {
    await this.#calls.ask('limit', toKeys(this.#nameCounters(counters)), ['give', attempt]);
  }

  /** Forgets all attempts of these counters. */
  async clearLimit(counters: readonly LimitCounter[]): Promise<void> {
    await this.#calls.ask('limit', toKeys(this.#nameCounters(counters)), ['clear', '']);
  }

  /** The counters as Redis has them: each once for every key that names it. */
  #nameCounters(counters: readonly LimitCounter[]): LimitCounter[] {
    const nameKeys = this.#options.nameKeys?.();
    return counters.flatMap((counter) => toLimitKeys(counter.key, nameKeys).map((key) => ({ ...counter, key })));
  }

  /** Hands an error to `onError`: for guards, whose answer to the client doesn't say what was wrong. */
  reportError(error: Error): void {
    this.#options.onError?.(error);
  }

  /** Lets background touches end and closes the connections. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#touching.values());
    this.#degraded?.close();
    this.#cache?.close();
    this.#calls.close();
  }

  /** @param further arguments of `validate` that the ordinary validation has not got */
  #validate(
    token: ParsedSessionToken,
    further: readonly (string | number)[] | undefined,
    { safe }: ValidateOptions,
  ): Promise<unknown[]> {
    const primaryReady = this.#calls.redis.status === 'ready';
    const primary = further ? this.#calls.validate(token, further) : this.#calls.validateTogether(token);
    if (!safe || !this.#degraded) return primary;
    const { s, t, rest } = toSessionKeys(token.id);
    return this.#degraded.read(primary, primaryReady, async (node) => {
      const reply = await node.fcall_ro('holdfast_v2_validate', 2, s, t, rest, token.secretHash, ...(further ?? []));
      // Without the primary nothing can be rotated, so nobody has to wait for that.
      return (reply as unknown[]).slice(0, ROTATION_FIELD);
    });
  }

  #create(input: NewSession, created: ReturnType<typeof createSessionToken>): Promise<CreationReply> {
    const { keys, args } = toCreation(input, created, this.#options);
    return this.#calls.write('create', keys, args) as Promise<CreationReply>;
  }

  #rotate({ id, secretHash }: ParsedSessionToken, args: readonly (string | number)[]): Promise<unknown[]> {
    const { s, t } = toSessionKeys(id);
    return this.#calls.write('rotate', [s, t], [id, secretHash, ...args]) as Promise<unknown[]>;
  }

  #touch(id: string, used?: string, budgetMs?: number): Promise<unknown> {
    const { t, rest } = toSessionKeys(id);
    return this.#calls.ask('touch', [t], used === undefined ? [rest] : [rest, used], budgetMs);
  }

  #endSome(...[userId, reason, exceptId, keep, position]: EndSomeArguments): Promise<EndedStep> {
    const args = [JSON.stringify(userId), reason, exceptId, keep, position];
    return this.#calls.write('end_some', [toUserKey(userId)], args) as Promise<EndedStep>;
  }

  /**
   * Ends the user's oldest sessions beyond the limit, in a few steps: a user from before there was a limit may have more,
   * and what is left over, or could not be ended, the next login ends.
   */
  async #evict(userId: string, spared = ''): Promise<string[]> {
    const { maxPerUser = DEFAULT_SESSIONS_PER_USER } = this.#options;
    const evicted: string[] = [];
    try {
      let position: string | number = '0';
      for (let step = 0; step < EVICTION_STEPS; step++) {
        const [more, following, ids] = await this.#endSome(userId, 'session-limit', spared, maxPerUser, position);
        evicted.push(...ids);
        if (more === 0) break;
        position = following;
      }
    } catch (error) {
      this.#options.onError?.(error as Error);
    }
    return evicted;
  }
}

const toKeys = (counters: readonly LimitCounter[]) => counters.map(({ key }) => key);
const toWindows = (counters: readonly LimitCounter[]) => counters.map(({ windowMs }) => windowMs);

/** @param place where the device is among the fields */
function toSessionWithDevice(id: string, fields: unknown[], place: number): SessionWithDevice {
  const device = { userAgent: expandUserAgent(String(fields[place])), ip: String(fields[place + 1]) };
  return { ...toSession(id, fields), device };
}
