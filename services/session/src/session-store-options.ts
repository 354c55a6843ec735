import type { RedisConfig } from './redis-config.ts';

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
  /** How many live sessions a user may have: 1 to 200, default 100. */
  maxPerUser?: number;
  /** What a login does that would be one too many; default `terminate-oldest`. */
  maxPerUserAction?: LimitAction;
  /**
   * Keys that only auth has: what limits and sessions at a provider are called in Redis is derived from them, so that a
   * service that only validates can't tell from the names of keys whose they are. The first names what is new; what the
   * others name is found. By default their own names are used.
   */
  nameKeys?: () => readonly Buffer[];
  /** How old a secret gets before auth gives out a successor; 0, the default, is for ever. */
  rotateMs?: number;
  /** How long one call of the store took, and whether it got an answer. */
  onCall?: (operation: string, durationMs: number, ok: boolean) => void;
  /**
   * A connection or a background write failed, and the store goes on trying; or a guard answers 503. Its `cause` is what Redis or
   * the network said.
   */
  onError?: (error: Error) => void;
}

/** What becomes of one session too many: the user's oldest ends, or the new one is refused. */
export type LimitAction = 'terminate-oldest' | 'deny-new';

export interface ValidateOptions {
  /** The request changes nothing (RFC 9110, section 9.2.1), so that replicas may answer while the primary can't. */
  safe: boolean;
  /** The token as it was presented: with it the local cache may keep the answer. */
  presented?: string;
}

/** One counter of a rate limit: at most `limit` failures, and attempts whose end is not known yet, at any time. */
export interface LimitCounter {
  key: string;
  limit: number;
  /** How long a failure counts. */
  windowMs: number;
  /** How long an attempt counts whose end nobody tells, since the service or Redis died over it. */
  pendingMs: number;
}
