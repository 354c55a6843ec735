import { setTimeout as delay } from 'node:timers/promises';
import type { ManagedProcess } from './managed-process.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** A process that ran this long has recovered: its next end is a new matter. */
const RECOVERED_MS = 10_000;

/** Something that has a process, now and again another one. */
export interface Supervised {
  readonly name: string;
  readonly process: ManagedProcess | undefined;
}

/** Starts what ends unasked again, as a kubelet does, with a growing pause while it keeps ending. */
export class Supervisor {
  readonly #log: (text: string) => void;
  readonly #abort = new AbortController();
  readonly #watches: Promise<void>[] = [];

  constructor(log: (text: string) => void) {
    this.#log = log;
  }

  watch(supervised: Supervised, restart: () => Promise<unknown>): void {
    this.#watches.push(this.#watch(supervised, restart));
  }

  /** From now on nothing is started again; resolves when a restart that was under way has come to its end. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#watches);
  }

  async #watch(supervised: Supervised, restart: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#abort;
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const exit = await Promise.race([supervised.process?.exited, aborted]);
      if (signal.aborted) return;
      if (performance.now() - startedAt > RECOVERED_MS) pauseMs = FIRST_PAUSE_MS;
      const how = exit?.signal ?? `exit code ${exit?.code}`;
      this.#log(`${supervised.name} ended (${how}), starting it again`);
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      if (signal.aborted) return;
      try {
        await restart();
      } catch (error) {
        this.#log(`${supervised.name} could not be started again: ${(error as Error).message}`);
      }
    }
  }
}
