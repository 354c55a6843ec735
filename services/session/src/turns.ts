import { HoldfastError } from './holdfast-error.ts';
import { isFunctionMissing } from './store-errors.ts';

/** How many may wait for a turn: memory has an end, and so has the patience of the user’s other requests. */
const MOST_WAITING = 100;

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Lists of one user go one after the other. Redis does one thing after the other as well, and what comes together on a connection
 * it does without a break: a user who asks for many at once keeps others waiting for one of them, and not for all.
 */
export class Turns {
  readonly #waiting = new Map<string, Waiting[]>();

  /**
   * @throws HoldfastError `rate-limited` where many wait already
   * @throws Error also where a call failed that it waited for: by then it has waited for as long as that one has tried
   */
  async take<T>(key: string, run: () => Promise<T>): Promise<T> {
    const before = this.#waiting.get(key);
    if (before && before.length >= MOST_WAITING) {
      throw new HoldfastError('rate-limited', 'Too many requests at once for this user. Try again in a moment.');
    }
    if (before) await new Promise<void>((resolve, reject) => before.push({ resolve, reject }));
    else this.#waiting.set(key, []);
    try {
      const result = await run();
      this.#letNext(key);
      return result;
    } catch (error) {
      // Functions that are missing are loaded by whoever finds it out.
      if (isFunctionMissing(error)) this.#letNext(key);
      else this.#refuseAll(key, error);
      throw error;
    }
  }

  #letNext(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next) next.resolve();
    else this.#waiting.delete(key);
  }

  /** They were never sent, whatever became of the one before them. */
  #refuseAll(key: string, cause: unknown): void {
    const all = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const { reject } of all) reject(new Error('it waited for a call that failed', { cause }));
  }
}
