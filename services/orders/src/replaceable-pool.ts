import type { Sql } from 'postgres';

/**
 * A pool of connections that another one can take the place of. The old one is ended only once nobody waits for it any more:
 * the driver forgets statements that wait for a connection of a pool that is being ended.
 */
export class ReplaceablePool {
  readonly #create: () => Sql;
  readonly #onError: (error: unknown) => void;
  readonly #users = new Map<Sql, number>();
  #current: Sql;

  /** @param onError where another one can't be made, such as when a certificate can't be read: the old one stays */
  constructor(create: () => Sql, onError: (error: unknown) => void) {
    this.#create = create;
    this.#onError = onError;
    this.#current = create();
  }

  get current(): Sql {
    return this.#current;
  }

  /** Keeps a pool from being ended until it is released. */
  hold(pool: Sql): void {
    this.#users.set(pool, (this.#users.get(pool) ?? 0) + 1);
  }

  release(pool: Sql): void {
    const left = (this.#users.get(pool) ?? 0) - 1;
    if (left > 0) this.#users.set(pool, left);
    else {
      this.#users.delete(pool);
      if (pool !== this.#current) end(pool);
    }
  }

  /** Does nothing where the pool has been replaced already. */
  replace(old: Sql): void {
    if (this.#current !== old) return;
    try {
      this.#current = this.#create();
    } catch (error) {
      this.#onError(error);
      return;
    }
    if (!this.#users.has(old)) end(old);
  }

  close(): Promise<void> {
    return this.#current.end({ timeout: 5 });
  }
}

const end = (pool: Sql) => void pool.end({ timeout: 2 }).catch(() => {});
