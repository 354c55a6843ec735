import { setTimeout as wait } from 'node:timers/promises';
import { migrate } from './migrate.ts';
import type { DatabaseTarget } from './parse-database-url.ts';

export interface Migration {
  /** Whether the tables are there. */
  readonly done: boolean;
  /** Why not, by the last try. */
  readonly failure: Error | undefined;
  /** Gives up, where it is not done. */
  close(): void;
}

export interface MigrationOptions {
  /** Asked for every try, as it may change meanwhile. */
  target: () => DatabaseTarget;
  onError: (error: Error) => void;
  onDone?: () => void;
}

/** Applies the migrations in the background, however long PostgreSQL takes to be there. */
export function keepMigrating({ target, onError, onDone }: MigrationOptions): Migration {
  const closed = new AbortController();
  let done = false;
  let failure: Error | undefined;
  const tryOn = async () => {
    for (let delayMs = 250; !closed.signal.aborted; delayMs = Math.min(delayMs * 1.5, 3000)) {
      try {
        await migrate(target());
        done = true;
        onDone?.();
        return;
      } catch (error) {
        failure = error as Error;
        onError(failure);
        await wait(delayMs, undefined, { signal: closed.signal }).catch(() => {});
      }
    }
  };
  void tryOn();
  return {
    get done() {
      return done;
    },
    get failure() {
      return failure;
    },
    close: () => closed.abort(),
  };
}
