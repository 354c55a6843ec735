import { setTimeout as wait } from 'node:timers/promises';
import { migrate } from './migrate.ts';

export interface Migration {
  /** Whether the tables are there. */
  readonly done: boolean;
  /** Gives up, where it is not done. */
  close(): void;
}

export interface MigrationOptions {
  /** Asked for every try, as it may change meanwhile. */
  url: () => string;
  onError: (error: Error) => void;
  onDone?: () => void;
}

/** Applies the migrations in the background, however long PostgreSQL takes to be there. */
export function keepMigrating({ url, onError, onDone }: MigrationOptions): Migration {
  const closed = new AbortController();
  let done = false;
  const tryOn = async () => {
    for (let delayMs = 250; !closed.signal.aborted; delayMs = Math.min(delayMs * 1.5, 3000)) {
      try {
        await migrate(url());
        done = true;
        onDone?.();
        return;
      } catch (error) {
        onError(error as Error);
        await wait(delayMs, undefined, { signal: closed.signal }).catch(() => {});
      }
    }
  };
  void tryOn();
  return {
    get done() {
      return done;
    },
    close: () => closed.abort(),
  };
}
