import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ArmCalls, Reply } from './arm-calls.ts';
import type { ArmSettings } from './arms/arm.ts';
import { pin } from './pin.ts';

/** A replica of an arm, in a process of its own. */
export class ArmProcess implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #lastId = 0;

  private constructor(name: string, child: ChildProcess, port: number) {
    this.name = name;
    this.#child = child;
    this.port = port;
  }

  /** @param core the core it may run on; undefined for any */
  static async start(name: string, settings: ArmSettings, core: number | undefined): Promise<ArmProcess> {
    const child = fork(join(import.meta.dirname, 'arms', 'main.ts'), [name], {
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: ['--expose-gc', ...(process.env['BENCH_NODE_OPTIONS']?.split(' ') ?? [])],
      serialization: 'advanced',
    });
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(`the arm ${name} ended with ${code} before it was ready`);
    });
    const said = async (word: string) => {
      for (;;) if ((await once(child, 'message'))[0] === word) return;
    };
    await Promise.race([said('up'), failed]);
    if (core !== undefined) pin(child.pid as number, core);
    child.send(settings);
    await Promise.race([said('ready'), failed]);
    failed.catch(() => {});
    const arm = new ArmProcess(name, child, 0);
    child.on('message', (reply: Reply) => arm.#waiting.get(reply.id)?.(reply));
    Object.assign(arm, { port: await arm.call('port') });
    return arm;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  call<N extends keyof ArmCalls>(name: N, ...args: Parameters<ArmCalls[N]>): ReturnType<ArmCalls[N]> {
    const id = ++this.#lastId;
    const answered = new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${this.name}: ${error}`));
      });
    });
    this.#child.send({ id, name, args });
    return answered as ReturnType<ArmCalls[N]>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
