import { hash } from 'node:crypto';
import { Command, type Redis } from 'ioredis';
import { createRedisClient } from './redis-client.ts';
import type { RedisConfig } from './redis-config.ts';
import { USER_PART_LENGTH } from './session-keys.ts';
import type { ActiveValidation, Validation } from './validation.ts';

export interface SessionCacheOptions {
  redis: RedisConfig;
  /** How long a validation may be answered from here, in milliseconds. */
  maxAgeMs: number;
  /** How many sessions are kept; beyond that those that came first go first. */
  maxSessions?: number;
  onError: (error: Error) => void;
}

/** Is itself the answer: among many sessions each object that a request has to look at is read from memory anew. */
interface Entry extends ActiveValidation {
  /** Of the token, see {@link keyOf}. */
  readonly key: string;
  readonly id: string;
  /** By this process' monotonic clock, as all times here; whole numbers, which V8 keeps in the object itself. */
  readonly untilMs: number;
  touchAtMs: number;
  readonly touchIntervalMs: number;
  /** Others of the same group. */
  next: Entry | undefined;
  previous: Entry | undefined;
}

/** A validation that is under way and may be kept once it is answered. */
export interface Filling {
  readonly id: string;
  readonly key: string;
  readonly epoch: number;
  readonly askedAtMs: number;
}

const CHANNEL = '__redis__:invalidate';
const PREFIX = 'hf:s:';
const MAX_SESSIONS = 100_000;
const HEARTBEAT_MS = 1000;
/** As many different lists of roles or methods are worth sharing. */
const MAX_LISTS = 1000;

/**
 * SHA-256 of the whole token as it was presented: one hash finds an entry, where taking the token apart would cost as much
 * again. No token is kept, and one that is here was well-formed when it came.
 */
const keyOf = (token: string) => hash('sha256', token, 'binary');

/** Redis names a user when it tells of a change: what is kept of a user is forgotten together. */
const groupOf = (idOrKey: string) => idOrKey.slice(0, USER_PART_LENGTH);

/**
 * Live sessions, as Redis answered them a moment ago. Redis tells when one changes (client-side caching, broadcasting
 * mode), on a connection of its own; while that connection is not up nothing is kept. Should its message be lost all the
 * same, an entry lives for `maxAgeMs` at most, and never past the session's own end: remaining times are taken from the
 * answer and counted from before the question, so that no wall clock matters.
 *
 * @see https://redis.io/docs/latest/develop/reference/client-side-caching/
 */
export class SessionCache {
  readonly connection: Redis;
  readonly #options: SessionCacheOptions;
  /** In the order of eviction. */
  readonly #entries = new Map<string, Entry>();
  /** The latest of each group; nearly every one is alone in its own. */
  readonly #groups = new Map<string, Entry>();
  /** Roles and methods, which many sessions have the same of. */
  readonly #lists = new Map<string, readonly string[]>();
  /** How many validations of a group are under way, and whether one of its sessions has changed meanwhile. */
  readonly #fillings = new Map<string, { count: number; changed: boolean }>();
  #tracking = false;
  #epoch = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: SessionCacheOptions) {
    this.#options = options;
    this.connection = createRedisClient(options.redis, 'holdfast-cache');
    // ioredis drops the pushes of RESP3; in RESP2 they are messages of a channel. Subscribing comes last, when Redis is
    // set to tell.
    Object.assign(this.connection.options, { protocol: 2, autoResubscribe: false });
    this.connection.on('ready', () => void this.#track());
    this.connection.on('close', () => this.#forget());
    this.connection.on('messageBuffer', (_channel: Buffer, keys: Buffer[] | null) => {
      if (Array.isArray(keys)) for (const key of keys) this.drop(key.toString('latin1', PREFIX.length));
      else this.#forget(true);
    });
  }

  /** How many sessions are kept now. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * A session that is known to live; undefined where Redis has to be asked.
   *
   * @param token as it was presented, well-formed or not
   */
  find(token: string): ActiveValidation | undefined {
    const entry = this.#entries.get(keyOf(token));
    if (entry === undefined) return undefined;
    const now = performance.now();
    if (now >= entry.untilMs) {
      this.#remove(entry);
      return undefined;
    }
    if (now < entry.touchAtMs) return entry;
    // Told once in an interval: a session that is only used from here must not idle out in Redis.
    entry.touchAtMs = Math.floor(now + entry.touchIntervalMs);
    return { ...entry, touchDue: true };
  }

  /** To be called before Redis is asked; every call needs its {@link keep}. */
  begin(id: string, token: string): Filling {
    const group = groupOf(id);
    const under = this.#fillings.get(group);
    if (under) under.count++;
    else this.#fillings.set(group, { count: 1, changed: false });
    return { id, key: keyOf(token), epoch: this.#epoch, askedAtMs: performance.now() };
  }

  /**
   * Keeps what Redis answered, unless that may be out of date already.
   *
   * @param validation undefined where there was no answer
   */
  keep(filling: Filling, validation: Validation | undefined): void {
    const { id, key, epoch, askedAtMs } = filling;
    const group = groupOf(id);
    const under = this.#fillings.get(group);
    if (under === undefined) return;
    if (--under.count === 0) this.#fillings.delete(group);
    if (!this.#tracking || epoch !== this.#epoch || under.changed) return;
    // A secret whose days are numbered by rotation is asked for each time.
    if (validation?.outcome !== 'active' || !validation.settled) return;
    const { session, touchDue, rotation, nowMs } = validation;
    const { maxAgeMs, maxSessions = MAX_SESSIONS } = this.#options;
    const { lastSeenAtMs, idleExpiresAtMs } = session;
    // As holdfast.lua has it: often enough for a short idle timeout.
    const touchIntervalMs = Math.min(60_000, (idleExpiresAtMs - lastSeenAtMs) / 20);
    const before = this.#entries.get(key);
    if (before) this.#remove(before);
    const next = this.#groups.get(group);
    // What a hit reads comes first, so that it is in one line of the processor's cache.
    const entry: Entry = {
      session: { ...session, roles: this.#share(session.roles), amr: this.#share(session.amr) },
      untilMs: Math.floor(askedAtMs + Math.min(maxAgeMs, idleExpiresAtMs - nowMs)),
      // Where a touch is due now, the one who asked sees to it.
      touchAtMs: Math.floor(askedAtMs + touchIntervalMs + (touchDue ? 0 : lastSeenAtMs - nowMs)),
      touchDue: false,
      outcome: 'active',
      firstUse: undefined,
      rotation,
      nowMs,
      settled: true,
      key,
      id,
      touchIntervalMs,
      next,
      previous: undefined,
    };
    if (next) next.previous = entry;
    this.#groups.set(group, entry);
    this.#entries.set(key, entry);
    if (this.#entries.size > maxSessions) this.#remove(this.#entries.values().next().value as Entry);
  }

  /** @param name what the key that changed is called behind its prefix: the user's part of ids; else nobody is called so */
  drop(name: string): void {
    const group = groupOf(name);
    for (let entry = this.#groups.get(group); entry; entry = entry.next) this.#entries.delete(entry.key);
    this.#groups.delete(group);
    const under = this.#fillings.get(group);
    if (under) under.changed = true;
  }

  #remove({ key, id, next, previous }: Entry): void {
    this.#entries.delete(key);
    if (next) next.previous = previous;
    if (previous) previous.next = next;
    else if (next) this.#groups.set(groupOf(id), next);
    else this.#groups.delete(groupOf(id));
  }

  /** The same list for all who have the same; frozen, so that nobody changes it for the others. */
  #share(list: readonly string[]): readonly string[] {
    const text = JSON.stringify(list);
    const known = this.#lists.get(text);
    if (known !== undefined) return known;
    if (this.#lists.size >= MAX_LISTS) this.#lists.clear();
    const shared = Object.freeze([...list]);
    this.#lists.set(text, shared);
    return shared;
  }

  /** Nothing is kept any more; the connection is closed by the store, with the others. */
  close(): void {
    this.#forget();
  }

  /** @param tracking whether Redis still tells what changes */
  #forget(tracking = false): void {
    this.#tracking = tracking;
    this.#epoch++;
    this.#entries.clear();
    this.#groups.clear();
    if (!tracking) clearInterval(this.#heartbeat);
  }

  async #track(): Promise<void> {
    const redis = this.connection;
    try {
      const id = await redis.client('ID');
      await redis.client('TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', PREFIX);
      await redis.subscribe(CHANNEL);
      this.#forget(true);
      // A link that was cut says nothing at all.
      this.#heartbeat = setInterval(() => {
        (redis.sendCommand(new Command('ping')) as Promise<unknown>).catch(() => redis.disconnect(true));
      }, HEARTBEAT_MS);
      this.#heartbeat.unref();
    } catch (error) {
      this.#options.onError(error as Error);
      // Without the right to it there is no cache; after a change of rights there is.
      setTimeout(() => redis.status === 'ready' && redis.disconnect(true), HEARTBEAT_MS).unref();
    }
  }
}
