import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadOrder, LoadResult } from './load-order.ts';
import { OTHER_CORE, pin } from './pin.ts';

/** The generator's process. */
export class LoadGenerator implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'generator.ts'), [], { serialization: 'advanced' });
    pin(this.#child.pid as number, OTHER_CORE);
    this.#ended = once(this.#child, 'exit').then(() => {
      throw new Error('the load generator ended');
    });
    this.#ended.catch(() => {});
  }

  /** @throws Error when the generator ended, or a request got no answer */
  async run(order: LoadOrder): Promise<LoadResult> {
    this.#child.send(order);
    const [reply] = await Promise.race([once(this.#child, 'message'), this.#ended]);
    if (reply.error) throw new Error(reply.error);
    return reply.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
