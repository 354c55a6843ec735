import { setTimeout as delay } from 'node:timers/promises';

/** So many at most, however many ask: a flood of unknown tokens must not become one of the Sentinels. */
const INTERVAL_MS = 50;

/** Looks that many share: everybody who asks gets one that begins after they asked, and together they begin seldom. */
export class SharedLook<T> {
  readonly #look: () => Promise<T>;
  #next: Promise<T> | undefined;
  #beganAtMs = Number.NEGATIVE_INFINITY;

  constructor(look: () => Promise<T>) {
    this.#look = look;
  }

  /** What the next look finds. */
  next(): Promise<T> {
    this.#next ??= this.#wait();
    return this.#next;
  }

  async #wait(): Promise<T> {
    await delay(Math.max(0, this.#beganAtMs + INTERVAL_MS - performance.now()));
    this.#next = undefined;
    this.#beganAtMs = performance.now();
    return this.#look();
  }
}
