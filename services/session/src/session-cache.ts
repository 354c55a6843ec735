import { Command, type Redis } from 'ioredis';
import { createRedisClient, type RedisConfig } from './redis-client.ts';
import type { ParsedSessionToken } from './session-token.ts';
import type { ActiveValidation, Validation } from './validation.ts';

export interface SessionCacheOptions {
  redis: RedisConfig;
  /** How long a validation may be answered from here, in milliseconds. */
  maxAgeMs: number;
  /** How many sessions are kept; beyond that those that came first go first. */
  maxSessions?: number;
  onError: (error: Error) => void;
}

interface Entry {
  readonly id: string;
  secretHash: string;
  validation: ActiveValidation;
  /** By this process' monotonic clock. */
  untilMs: number;
  touchAtMs: number;
  touchIntervalMs: number;
}

/** A validation that is under way and may be kept once it is answered. */
export interface Filling {
  readonly id: string;
  readonly epoch: number;
  readonly askedAtMs: number;
}

const CHANNEL = '__redis__:invalidate';
const PREFIX = 'hf:s:';
const MAX_SESSIONS = 100_000;
/** So many characters of an id are what is kept, announced and forgotten together. */
const GROUP_LENGTH = 12;

const groupOf = (id: string) => id.slice(0, GROUP_LENGTH);
const HEARTBEAT_MS = 1000;

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
  /** By the group of their ids, nearly always one in each. */
  readonly #groups = new Map<string, Entry[]>();
  #size = 0;
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
    return this.#size;
  }

  /** A session that is known to live; undefined where Redis has to be asked. */
  find({ id, secretHash }: ParsedSessionToken): ActiveValidation | undefined {
    const group = groupOf(id);
    const entry = this.#groups.get(group)?.find((kept) => kept.id === id);
    if (entry === undefined) return undefined;
    const now = performance.now();
    if (now >= entry.untilMs) {
      this.#remove(group, id);
      return undefined;
    }
    if (entry.secretHash !== secretHash) return undefined;
    if (now < entry.touchAtMs) return entry.validation;
    // Told once in an interval: a session that is only used from here must not idle out in Redis.
    entry.touchAtMs = now + entry.touchIntervalMs;
    return { ...entry.validation, touchDue: true };
  }

  /** To be called before Redis is asked; every call needs its {@link keep}. */
  begin(id: string): Filling {
    const group = groupOf(id);
    const under = this.#fillings.get(group);
    if (under) under.count++;
    else this.#fillings.set(group, { count: 1, changed: false });
    return { id, epoch: this.#epoch, askedAtMs: performance.now() };
  }

  /**
   * Keeps what Redis answered, unless that may be out of date already.
   *
   * @param validation undefined where there was no answer
   */
  keep(filling: Filling, secretHash: string, validation: Validation | undefined): void {
    const { id, epoch, askedAtMs } = filling;
    const group = groupOf(id);
    const under = this.#fillings.get(group);
    if (under === undefined) return;
    if (--under.count === 0) this.#fillings.delete(group);
    if (!this.#tracking || epoch !== this.#epoch || under.changed) return;
    // A secret whose days are numbered by rotation is asked for each time.
    if (validation?.outcome !== 'active' || !validation.settled) return;
    const { session, touchDue, nowMs } = validation;
    const { maxAgeMs, maxSessions = MAX_SESSIONS } = this.#options;
    const { lastSeenAtMs, idleExpiresAtMs } = session;
    // As holdfast.lua has it: often enough for a short idle timeout.
    const touchIntervalMs = Math.min(60_000, (idleExpiresAtMs - lastSeenAtMs) / 20);
    this.#remove(group, id);
    const others = this.#groups.get(group) ?? [];
    // Last in the order of the map, which is the order of eviction.
    this.#groups.delete(group);
    this.#groups.set(group, [
      ...others,
      {
        id,
        secretHash,
        validation: { ...validation, touchDue: false, firstUse: undefined },
        untilMs: askedAtMs + Math.min(maxAgeMs, idleExpiresAtMs - nowMs),
        // Where a touch is due now, the one who asked sees to it.
        touchAtMs: askedAtMs + touchIntervalMs + (touchDue ? 0 : lastSeenAtMs - nowMs),
        touchIntervalMs,
      },
    ]);
    this.#size++;
    if (this.#size > maxSessions) this.#forgetGroup(this.#groups.keys().next().value as string);
  }

  /** @param name what has changed: a session's id, or as much of it as its group has */
  drop(name: string): void {
    const group = groupOf(name);
    this.#forgetGroup(group);
    const under = this.#fillings.get(group);
    if (under) under.changed = true;
  }

  #forgetGroup(group: string): void {
    this.#size -= this.#groups.get(group)?.length ?? 0;
    this.#groups.delete(group);
  }

  #remove(group: string, id: string): void {
    const entries = this.#groups.get(group) ?? [];
    const others = entries.filter((entry) => entry.id !== id);
    this.#size += others.length - entries.length;
    if (others.length === 0) this.#groups.delete(group);
    else this.#groups.set(group, others);
  }

  /** Nothing is kept any more; the connection is closed by the store, with the others. */
  close(): void {
    this.#forget();
  }

  /** @param tracking whether Redis still tells what changes */
  #forget(tracking = false): void {
    this.#tracking = tracking;
    this.#epoch++;
    this.#groups.clear();
    this.#size = 0;
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
