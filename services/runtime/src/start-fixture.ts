import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Fixture extends AsyncDisposable {
  process: ChildProcess;
  port: number;
  metricsPort: number;
  /** What it has logged so far. */
  lines: Record<string, unknown>[];
  exited: Promise<number | null>;
}

/** Starts the service of `drain-fixture.ts` as a process of its own, on ports that the system chooses. */
export async function startFixture(env: Record<string, string>): Promise<Fixture> {
  const process = spawn(globalThis.process.execPath, [`${import.meta.dirname}/drain-fixture.ts`], {
    env: { HOST: '127.0.0.1', PORT: '0', METRICS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(process, 'exit').then(([code]) => code as number | null);
  const lines: Record<string, unknown>[] = [];
  const started = Promise.withResolvers<Record<string, unknown>>();
  exited.then((code) => started.reject(new Error(`the service ended with ${code} before it had started`)));
  createInterface({ input: process.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Record<string, unknown>;
    lines.push(line);
    if (line['started']) started.resolve(line);
  });
  const dispose = async () => {
    process.kill('SIGKILL');
    await exited;
  };
  const { port, metricsPort } = await started.promise;
  return {
    process,
    port: Number(port),
    metricsPort: Number(metricsPort),
    lines,
    exited,
    [Symbol.asyncDispose]: dispose,
  };
}
