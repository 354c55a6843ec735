import { HoldfastError } from './holdfast-error.ts';

/** Answers of a Redis that is there but can't serve now. Each goes away by itself or with the next primary. */
const passing = /^(READONLY|LOADING|MASTERDOWN|NOREPLICAS|TRYAGAIN|BUSY|UNBLOCKED|WRONGPASS|NOAUTH)\b/;

/** What it refuses for reasons that stay. */
const refusing = /^(NOPERM|OOM|MISCONF)\b|Function not found/;

const redisReply = (error: unknown) => error instanceof Error && error.name === 'ReplyError';

/** Whether trying again can help: the connection failed or timed out, or Redis said that it can't for now. */
export function isPassing(error: unknown): boolean {
  return !redisReply(error) || passing.test((error as Error).message);
}

/** No answer within the command timeout (ioredis), on a connection that may be up. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out';
}

/** ioredis keeps no queue for a connection that is down: such a command has not left this process. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Stream isn't writeable");
}

/** Redis answered, and said that it did not run the command. A function that failed half-way is no refusal. */
export function wasRefused(error: unknown): boolean {
  return redisReply(error) && (passing.test((error as Error).message) || refusing.test((error as Error).message));
}

/** The one who answered is not the primary any more: Sentinel has to be asked again. */
export function isReadonly(error: unknown): boolean {
  return redisReply(error) && (error as Error).message.startsWith('READONLY');
}

/**
 * A primary that is alive and for now refuses what no replica would confirm, or has taken it and none has confirmed: it is
 * handing over, or has just taken over and its replicas are about to follow.
 */
export function isWithoutReplicas(error: unknown): boolean {
  if (error instanceof HoldfastError) return error.code === 'not-durable';
  return redisReply(error) && (error as Error).message.startsWith('NOREPLICAS');
}

/** The Redis we reached has not got the function library (yet): a new, empty one, or before auth's first start. */
export function isFunctionMissing(error: unknown): boolean {
  const reply = error instanceof HoldfastError ? error.cause : error;
  return redisReply(reply) && (reply as Error).message.includes('Function not found');
}

/**
 * Whatever Redis or the network said, as the answer for the client: 503, never 401. NOREPLICAS is Redis refusing a
 * write that no replica would confirm (`min-replicas-to-write`). A write that may have been made is {@link outcomeUnknown}.
 */
export function toStoreError(cause: unknown): HoldfastError {
  if (isWithoutReplicas(cause)) return notDurable(cause);
  return new HoldfastError('store-unavailable', 'The session store cannot answer right now. Try again.', { cause });
}

/** A write was sent, and no answer came: it may have been made, and a primary that hangs may make it yet. */
export function outcomeUnknown(cause: unknown): HoldfastError {
  return new HoldfastError(
    'outcome-unknown',
    'The session store was asked to make the change, and did not answer in time: it may or may not have been made. Try again: asking twice does no harm.',
    { cause },
  );
}

export function notDurable(cause?: unknown): HoldfastError {
  return new HoldfastError(
    'not-durable',
    'Not enough replicas of the session store confirmed the change in time: it may or may not be kept. Try again: asking twice does no harm.',
    { cause },
  );
}

/** Whether a request failed in such a way that nobody can tell whether it had its effect. */
export function isUnconfirmed(error: unknown): error is HoldfastError & { code: 'outcome-unknown' | 'not-durable' } {
  return error instanceof HoldfastError && (error.code === 'outcome-unknown' || error.code === 'not-durable');
}
