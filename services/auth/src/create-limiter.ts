import { HoldfastError } from '@holdfast/session';

/**
 * Runs a task in its turn.
 *
 * @param network whose turn it is; every network that waits has one in turn
 */
export type Limiter = <T>(network: string, task: () => Promise<T>) => Promise<T>;

export interface LimiterOptions {
  /** Tasks that run at the same time. */
  concurrency: number;
  /** Tasks that may wait, of all networks together. */
  queueLimit: number;
  /** How long a task may wait, in milliseconds; one that has waited for longer never runs. */
  deadlineMs: number;
}

interface Waiting {
  start: () => void;
  refuse: () => void;
}

/**
 * Hashing takes tens of milliseconds of a core and megabytes of memory each: without a bound a burst of logins would
 * starve everything else. Networks take turns, so that a burst from one of them delays the others by a single task each.
 * Where the queue is full, the network that has most in it loses its latest.
 *
 * @throws HoldfastError `rate-limited` when the queue is full, or the deadline has passed; then the task has not run
 */
export function createLimiter({ concurrency, queueLimit, deadlineMs }: LimiterOptions): Limiter {
  let running = 0;
  let waitingCount = 0;
  /** In the order of their turns. */
  const queues = new Map<string, Waiting[]>();

  const remove = (network: string, waiting: Waiting) => {
    const queue = queues.get(network);
    const place = queue?.indexOf(waiting) ?? -1;
    if (queue === undefined || place < 0) return;
    queue.splice(place, 1);
    waitingCount--;
    if (queue.length === 0) queues.delete(network);
  };

  const makeRoom = (network: string) => {
    const [longest, queue] = [...queues].reduce((most, other) => (other[1].length > most[1].length ? other : most));
    if (queue.length <= (queues.get(network)?.length ?? 0) + 1) throw tooMany();
    const latest = queue.at(-1) as Waiting;
    remove(longest, latest);
    latest.refuse();
  };

  const turn = (network: string) =>
    new Promise<void>((resolve, reject) => {
      const refuse = () => {
        clearTimeout(timer);
        reject(tooMany());
      };
      const start = () => {
        clearTimeout(timer);
        resolve();
      };
      const waiting = { start, refuse };
      const timer = setTimeout(() => {
        remove(network, waiting);
        refuse();
      }, deadlineMs);
      const queue = queues.get(network);
      if (queue) queue.push(waiting);
      else queues.set(network, [waiting]);
      waitingCount++;
    });

  const startNext = () => {
    const [network, queue] = queues.entries().next().value ?? [];
    if (network === undefined || queue === undefined) {
      running--;
      return;
    }
    const next = queue.shift() as Waiting;
    waitingCount--;
    // Its next turn comes after everybody else's.
    queues.delete(network);
    if (queue.length > 0) queues.set(network, queue);
    next.start();
  };

  return async (network, task) => {
    if (running < concurrency) {
      running++;
    } else {
      if (waitingCount >= queueLimit) makeRoom(network);
      await turn(network);
    }
    try {
      return await task();
    } finally {
      // A task that ends hands its place to the next in turn.
      startNext();
    }
  };
}

const tooMany = () =>
  new HoldfastError('rate-limited', 'Too many logins at once. Try again in a moment.', { retryAfterSeconds: 1 });
